//go:build airflow

package airflow

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// leftovers kills only the program that runs Airflow. What it started goes on until the next start.
func (l *lakehouse) leftovers(t *testing.T) {
	if err := syscall.Kill(l.airflow.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l.airflow.Wait(t)
	left := processes(t, "airflow", l.Home)
	if len(left) == 0 {
		t.Fatal("nothing outlived it: there is nothing to end")
	}
	l.start()
	now := processes(t, "airflow", l.Home)
	for _, pid := range left {
		if slices.Contains(now, pid) {
			t.Errorf("process %d of the killed Airflow still runs", pid)
		}
	}
	if !strings.Contains(l.airflow.Stderr(), "an earlier Airflow here was killed") {
		t.Errorf("the start does not tell of them: %s", l.airflow.Stderr())
	}
}

func (l *lakehouse) end(t *testing.T) {
	if len(processes(t, "airflow", l.Home)) == 0 {
		t.Fatal("no process of Airflow's is seen: the test would not see one that stays")
	}
	if r := l.airflow.Stop(t); r.Code != 0 {
		t.Errorf("Airflow did not stop in order: %s", r)
	}
	if left := processes(t, "airflow", l.Home); len(left) > 0 {
		t.Errorf("processes stay: %v", left)
	}
}

// processes finds the processes whose command line has text and whose environment names the home.
func processes(t *testing.T, text, home string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(line), text) {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
		if err != nil || !strings.Contains(string(environ), home) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
