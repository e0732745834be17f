package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
)

// written is a /proc that holds, for each process, the texts of its files.
func written(t *testing.T, processes map[int]map[string]string) procfs.FS {
	t.Helper()
	dir := t.TempDir()
	for pid, files := range processes {
		folder := filepath.Join(dir, strconv.Itoa(pid))
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	proc, err := procfs.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	return proc
}

// rest is what follows the fields of /proc/<pid>/stat that matter here.
var rest = strings.Repeat(" 0", 28)

func TestReadUsage(t *testing.T) {
	const (
		// The name of field 2 is the program's to choose.
		stat   = "42 (a b) R 7) S 1 42 42 0 -1 4194304 100 0 0 0 250 125 9 9 20 0 12 0 100 1 2"
		status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  1024 kB\nVmRSS:\t 1 kB\n"
	)
	read := func(stat, status string) (usage, error) {
		proc, err := written(t, map[int]map[string]string{42: {"stat": stat, "status": status}}).Proc(42)
		if err != nil {
			t.Fatal(err)
		}
		return readUsage(proc)
	}
	if got, err := read(stat+rest, status); err != nil || got.cpuSeconds != 3.75 || got.peakBytes != 1<<20 {
		t.Errorf("250 + 125 ticks and 1024 kB are %+v, %v", got, err)
	}
	for _, broken := range []string{"", "42 (x) S 1", "42 (x) S 1 42 42 0 -1 4194304 100 0 0 0 many 125 9" + rest} {
		if got, err := read(broken, status); err == nil {
			t.Errorf("%q is %v s", broken, got.cpuSeconds)
		}
	}
	for _, broken := range []string{"", "VmHWM: much"} {
		if got, err := read(stat+rest, broken); err == nil {
			t.Errorf("%q is %v", broken, got.peakBytes)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	u, err := usageOf(os.Getpid())
	if err != nil || u.peakBytes < 1<<20 {
		t.Errorf("this process took %+v, %v", u, err)
	}
	if err := resetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
}
