package process

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// standIn makes the test's own program play one that starts others, as `stack airflow` does, until it is killed.
const standIn = "MILLRACE_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if file := os.Getenv(standIn); file != "" {
		playStandIn(file)
		return
	}
	os.Exit(m.Run())
}

// playStandIn starts a child that dies with it, and by that a grandchild in a session of its own that does not, and one that
// ignores SIGTERM. It prints their processes.
func playStandIn(file string) {
	run, err := NewRun(file)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command("sh", "-c", `setsid sleep 600 & echo $!; setsid sh -c "trap '' TERM; while :; do sleep 0.05; done" & echo $!; wait`)
	cmd.Env = append(os.Environ(), run.Env())
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = Attributes()
	if err := cmd.Run(); err != nil {
		panic(err)
	}
}

func TestWhatAKilledRunLeftIsEndedAndNothingElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "airflow.run")
	earlier := exec.Command(os.Args[0])
	earlier.Env = append(os.Environ(), standIn+"="+file)
	stdout, err := earlier.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := earlier.Start(); err != nil {
		t.Fatal(err)
	}
	var left []int
	for lines := bufio.NewScanner(stdout); len(left) < 2 && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, pid)
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	}
	if len(left) < 2 {
		t.Fatal("the stand-in started nothing")
	}
	// Others that look alike: of another run, and of nobody's.
	var others []*exec.Cmd
	for _, env := range []string{runVariable + "=another", "OTHER=1"} {
		other := exec.Command("sleep", "600")
		other.Env = append(os.Environ(), env)
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
		others = append(others, other)
	}
	if err := earlier.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = earlier.Wait() // killed
	for _, pid := range left {
		if ended(pid) {
			t.Fatalf("process %d did not outlive its parent: there is nothing to test", pid)
		}
	}

	n, err := EndLeftovers(file)
	if err != nil || n < 2 {
		t.Errorf("ended %d, %v", n, err)
	}
	for _, pid := range left {
		eventually(t, fmt.Sprintf("process %d has ended", pid), func() bool { return ended(pid) })
	}
	for _, other := range others {
		if ended(other.Process.Pid) {
			t.Error("a process that is not the run's was ended")
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file of the run that is gone stays: %v", err)
	}
}

// ended reports whether a process is gone or waits for a parent to take note of it, which an orphan's may do late.
func ended(pid int) bool {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return true
	}
	stat, err := p.Stat()
	return err != nil || stat.State == "Z"
}

func TestLeftoversThatEndWhenAskedAreNotKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run")
	run, err := NewRun(file)
	if err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(t.TempDir(), "orderly")
	// The shell makes the file itself: a child of it, as touch would be, is a leftover too and may be asked to end before it has worked.
	child := exec.Command("sh", "-c", `trap ': >"$0"; exit 0' TERM; echo up; while :; do sleep 0.02; done`, done)
	child.Env = append(os.Environ(), run.Env())
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = child.Wait() }()
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := EndLeftovers(file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(done); err != nil || time.Since(began) > leftoverGrace {
		t.Errorf("it did not end in order, within %s: %v", time.Since(began), err)
	}
}
