package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

func TestFamilyFollowsParents(t *testing.T) {
	stat := func(pid, parent int, name string) map[string]string {
		return map[string]string{"stat": fmt.Sprintf("%d (%s) S %d 42 42 0 -1 4194304 100 0 0 0 250 125 9 9 20 0 12 0 100 1 2", pid, name, parent) + rest}
	}
	proc := written(t, map[int]map[string]string{
		17: stat(17, 1, "root"), 42: stat(42, 17, "a b) R 7"), 43: stat(43, 42, "grandchild"), 44: stat(44, 1, "stranger"),
		45: {"stat": "45 (x) S"}, // there is no parent
	})
	for _, tt := range []struct {
		of   family
		want []int
	}{
		{family{roots: []int{17}, children: true}, []int{17, 42, 43}},
		{family{roots: []int{17}}, []int{17}},
	} {
		stats, err := tt.of.stats(proc)
		var pids []int
		for _, s := range stats {
			pids = append(pids, s.PID)
		}
		if err != nil || !slices.Equal(pids, tt.want) {
			t.Errorf("%+v is %v, %v; want %v", tt.of, pids, err, tt.want)
		}
	}
	for _, root := range []int{45, 46} {
		if _, err := (family{roots: []int{root}}).stats(proc); err == nil {
			t.Errorf("process %d, which cannot be read, is measured", root)
		}
	}
}

// The measure includes a child that has ended: its parent, the shell, has waited for it.
func TestMeterCountsChildren(t *testing.T) {
	cmd := exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo done; read line`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m, err := family{roots: []int{cmd.Process.Pid}, children: true}.meter()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	alone, err := usageOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	cpu, peak, err := m.stop()
	if err != nil || cpu <= alone.cpuSeconds || peak <= 0 {
		t.Errorf("with its child, a shell that took %v s itself took %v s and %v MB: %v", alone.cpuSeconds, cpu, peak, err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // read fails at the end of its input
	if _, _, err := m.family.now(); err == nil {
		t.Error("a process that is gone is measured")
	}
}

func TestFamilyFindsChildren(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		stats, err := family{roots: []int{os.Getpid()}, children: true}.stats(proc)
		if err != nil {
			t.Fatal(err)
		}
		for _, stat := range stats {
			if stat.PID == cmd.Process.Pid {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("child %d is not among %v", cmd.Process.Pid, stats)
		}
	}
}
