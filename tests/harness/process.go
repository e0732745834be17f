package harness

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/infra/process"
	"millrace/tests/harness/buffer"
)

// Result is how a program ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// String shows all of it, for a test's failure.
func (r Result) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
}

// RunProgram runs a program of the project to its end, in exactly this environment.
func RunProgram(t testing.TB, env []string, program string, args ...string) Result {
	t.Helper()
	return runWithin(t, Patience, env, Program(t, program), args...)
}

// runWithin runs a program's file to its end.
func runWithin(t testing.TB, limit time.Duration, env []string, file string, args ...string) Result {
	t.Helper()
	p := LaunchFile(t, env, file, args...)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.Kill()
		t.Fatalf("%s %s did not end within %s\n%s", filepath.Base(file), strings.Join(args, " "), limit, p.result())
	}
	return p.result()
}

// Process is a program of the project that runs until it is stopped. The test's end kills it.
type Process struct {
	cmd            *exec.Cmd
	stdout, stderr buffer.Locked
	done           chan struct{}
}

// Launch starts a program of the project in exactly this environment, in a process group of its own, and leaves it running.
func Launch(t testing.TB, env []string, program string, args ...string) *Process {
	t.Helper()
	return LaunchFile(t, env, Program(t, program), args...)
}

// LaunchFile is Launch for a program of other people's, by its file.
func LaunchFile(t testing.TB, env []string, file string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(file, args...), done: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = process.Attributes()
	p.cmd.WaitDelay = 10 * time.Second // a grandchild may hold the pipes
	started := make(chan error, 1)
	go func() {
		// As in package process: the parent-death signal is the thread's.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // read from ProcessState
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", file, err)
	}
	t.Cleanup(p.Kill)
	return p
}

// Stdout is what it has printed so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr is what it has logged so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended tells whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Kill ends the process and its group at once, as a power cut would, and waits until it is gone.
func (p *Process) Kill() {
	if !p.Ended() {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
	<-p.done
}

// Stop sends one SIGINT, as Ctrl-C does, and returns how the process ended.
func (p *Process) Stop(t testing.TB) Result {
	t.Helper()
	if !p.Ended() {
		_ = p.cmd.Process.Signal(syscall.SIGINT)
	}
	return p.Wait(t)
}

// Wait returns how the process ended by itself.
func (p *Process) Wait(t testing.TB) Result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		t.Fatalf("process %d did not end within %s\n%s", p.PID(), Patience, p.result())
	}
	return p.result()
}

func (p *Process) result() Result {
	code := -1
	if p.Ended() && p.cmd.ProcessState != nil {
		code = p.cmd.ProcessState.ExitCode()
	}
	return Result{Stdout: p.stdout.String(), Stderr: p.stderr.String(), Code: code}
}

// Kill9 ends processes that may be anybody's, all at one moment, as the kernel does when memory is short.
func Kill9(t testing.TB, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatalf("kill process %d: %v", pid, err)
		}
	}
}
