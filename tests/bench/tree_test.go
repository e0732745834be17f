package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParentOf(t *testing.T) {
	if got, err := parentOf("42 (a b) R 7) S 17 42 42"); err != nil || got != 17 {
		t.Errorf("the parent is %d, %v", got, err)
	}
	if got, err := parentOf("42 (x) S"); err == nil {
		t.Errorf("there is no parent, not %d", got)
	}
}

// A child that has ended is measured as well: its parent, the shell, has waited for it.
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
	deadline := time.Now().Add(10 * time.Second)
	for {
		pids, err := family{roots: []int{os.Getpid()}, children: true}.pids()
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			if pid == cmd.Process.Pid {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("child %d is not among %v", cmd.Process.Pid, pids)
		}
	}
}
