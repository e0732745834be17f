package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"millrace/tests/harness/buffer"
)

// script is a child that runs a shell script and is ready once the script has made the file "ready".
func script(t *testing.T, text string) (Spec, *buffer.Locked) {
	t.Helper()
	dir := t.TempDir()
	var log buffer.Locked
	return Spec{
		Name: "sheep",
		Command: func() (*exec.Cmd, error) {
			_ = os.Remove(filepath.Join(dir, "ready"))
			cmd := exec.Command("sh", "-c", text)
			cmd.Dir = dir
			return cmd, nil
		},
		Ready: func(context.Context) error {
			_, err := os.Stat(filepath.Join(dir, "ready"))
			return err
		},
		ReadyWithin: time.Minute,
		Grace:       time.Minute,
		LogFile:     filepath.Join(dir, "log", "sheep.log"),
		Log:         slog.New(slog.NewTextHandler(&log, nil)),
	}, &log
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not after 30 s: %s", what)
		}
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestStartReturnsWhenReadyAndStopEndsInOrder(t *testing.T) {
	spec, _ := script(t, `trap 'echo orderly; exit 0' TERM; touch ready; while :; do sleep 0.01; done`)
	c, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	pid := c.PID()
	if pid == 0 || gone(pid) {
		t.Fatalf("the child with pid %d does not run", pid)
	}
	c.Stop()
	c.Stop() // twice is as good as once
	if !gone(pid) {
		t.Error("the child still runs after Stop")
	}
	if log, err := os.ReadFile(spec.LogFile); err != nil || !strings.Contains(string(log), "orderly") {
		t.Errorf("no orderly end in the log: %q, %v", log, err)
	}
}

func TestStopKillsTheWholeGroupAfterTheGrace(t *testing.T) {
	spec, log := script(t, `trap '' TERM; (while :; do echo beat >>beats; sleep 0.01; done) & touch ready; while :; do sleep 0.01; done`)
	spec.Grace = 50 * time.Millisecond
	c, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	beats := func() int64 {
		info, err := os.Stat(filepath.Join(filepath.Dir(filepath.Dir(spec.LogFile)), "beats"))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	eventually(t, "the grandchild lives", func() bool { return beats() > 0 })
	pid := c.PID()
	c.Stop()
	if !gone(pid) {
		t.Error("the child still runs after Stop")
	}
	eventually(t, "the grandchild is gone", func() bool {
		before := beats()
		time.Sleep(100 * time.Millisecond)
		return beats() == before
	})
	if !strings.Contains(log.String(), "did not end in time") {
		t.Errorf("the log does not tell of the kill: %s", log)
	}
}

func TestThePIDFileNamesTheProcessThatRuns(t *testing.T) {
	spec, _ := script(t, `touch ready; while :; do sleep 0.01; done`)
	spec.PIDFile = filepath.Join(t.TempDir(), "sheep.pid")
	c, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	named := func() bool {
		text, err := os.ReadFile(spec.PIDFile)
		return err == nil && c.PID() != 0 && string(text) == fmt.Sprintln(c.PID())
	}
	if !named() {
		t.Fatal("the file does not name the first process")
	}
	_ = syscall.Kill(c.PID(), syscall.SIGKILL)
	eventually(t, "death noticed", func() bool { return !named() })
	eventually(t, "the second process is named", named)
}

func TestADeadChildIsStartedAgain(t *testing.T) {
	spec, log := script(t, `touch ready; while :; do sleep 0.01; done`)
	c, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for range 2 {
		before := c.PID()
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another process", func() bool { pid := c.PID(); return pid != 0 && pid != before })
	}
	eventually(t, "two restarts in the log", func() bool { return strings.Count(log.String(), "child is back") >= 1 })
	if strings.Count(log.String(), "child ended, starting it again") != 2 {
		t.Errorf("the log does not tell of two deaths: %s", log)
	}
}

func TestCommandIsAskedBeforeEveryStart(t *testing.T) {
	spec, _ := script(t, `touch ready; while :; do sleep 0.01; done`)
	var asked atomic.Int32
	command := spec.Command
	spec.Command = func() (*exec.Cmd, error) {
		if asked.Add(1) == 2 {
			return nil, errors.New("the queue cannot be repaired")
		}
		return command()
	}
	c, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	before := c.PID()
	_ = syscall.Kill(before, syscall.SIGKILL)
	eventually(t, "a start after the failed one", func() bool { pid := c.PID(); return pid != 0 && pid != before })
	if asked.Load() != 3 {
		t.Errorf("asked %d times, want 3", asked.Load())
	}
}

func TestADeathBeforeReadyShowsTheEndOfTheLog(t *testing.T) {
	spec, _ := script(t, `for i in $(seq 40); do echo "line $i"; done; echo "port 9000 is in use" >&2; exit 3`)
	_, err := Start(t.Context(), spec)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"sheep ended before it was ready (exit status 3)", spec.LogFile, "port 9000 is in use", "line 40"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 20\n") {
		t.Errorf("the error quotes the whole log: %v", err)
	}
}

func TestOnlyThisLifesLogIsQuoted(t *testing.T) {
	spec, _ := script(t, `exit 1`)
	if err := os.MkdirAll(filepath.Dir(spec.LogFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(spec.LogFile, []byte("an old life\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), spec)
	if err == nil || strings.Contains(err.Error(), "an old life") || !strings.Contains(err.Error(), "logged nothing") {
		t.Errorf("error is %v", err)
	}
}

func TestNeverReadyIsAnErrorAndLeavesNothing(t *testing.T) {
	spec, _ := script(t, `echo $$ >pid; echo waiting; while :; do sleep 0.01; done`)
	spec.ReadyWithin = 300 * time.Millisecond
	_, err := Start(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), "sheep is not ready after 300ms") || !strings.Contains(err.Error(), "waiting") {
		t.Fatalf("error is %v", err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(spec.LogFile)), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) {
		t.Error("the child still runs")
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	spec, _ := script(t, `while :; do sleep 0.01; done`)
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if _, err := Start(ctx, spec); !errors.Is(err, cause) {
		t.Errorf("error is %v", err)
	}
}

func TestALongLogIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "child.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, logLimit+1); err != nil {
		t.Fatal(err)
	}
	file, mark, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if mark != 0 {
		t.Errorf("the new log begins at %d", mark)
	}
	if info, err := os.Stat(path + ".1"); err != nil || info.Size() != logLimit+1 {
		t.Errorf("the old log is not kept: %v", err)
	}
}
