package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millrace/infra/process"
	"millrace/infra/settings"
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

// roleOf is whose credentials a program runs with.
var roleOf = map[string]string{"stack": "owner", "ingestor": "ingestor", "reactor": "reactor"}

// Vars are the variables that the stack gives a role.
func (s *Stack) Vars(t testing.TB, role string) map[string]string {
	t.Helper()
	vars, err := settings.ReadEnv(s.Home, role)
	if err != nil {
		t.Fatalf("read the environment of role %s: %v", role, err)
	}
	return vars
}

// Env is a whole environment for a program of that role.
func (s *Stack) Env(t testing.TB, role string) []string {
	t.Helper()
	env := cleanEnvironment()
	for name, value := range s.Vars(t, role) {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// cleanEnvironment leaves out whatever points to a lake or a source that the developer has running.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "MILLRACE_") || strings.HasPrefix(entry, "COINCAP_") || strings.HasPrefix(entry, "AWS_")
	})
}

// Run runs a program (stack, ingestor, reactor) as its role and returns how it ended; the test judges that.
func (s *Stack) Run(t testing.TB, program string, args ...string) Result {
	t.Helper()
	return s.RunEnv(t, nil, program, args...)
}

// RunEnv is Run with more variables, NAME=value.
func (s *Stack) RunEnv(t testing.TB, env []string, program string, args ...string) Result {
	t.Helper()
	return RunProgram(t, append(s.Env(t, roleOf[program]), env...), program, args...)
}

// RunProgram runs a program of the project in exactly this environment.
func RunProgram(t testing.TB, env []string, program string, args ...string) Result {
	t.Helper()
	p := launch(t, env, program, args...)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.Kill()
		t.Fatalf("%s %s did not end within %s\n%s", program, strings.Join(args, " "), patience, p.result())
	}
	return p.result()
}

// Launch starts a program of the project in exactly this environment and leaves it running.
func Launch(t testing.TB, env []string, program string, args ...string) *Process {
	t.Helper()
	return launch(t, env, program, args...)
}

// CleanEnvironment is the developer's, without whatever points to a lake or a source.
func CleanEnvironment() []string { return cleanEnvironment() }

// Process is a program of the project that runs until it is stopped. The test's end kills it.
type Process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	done           chan struct{}
}

// launch starts a program in a process group of its own.
func launch(t testing.TB, env []string, program string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(Program(t, program), args...), done: make(chan struct{})}
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
		t.Fatalf("start %s: %v", program, err)
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
	case <-time.After(patience):
		t.Fatalf("process %d did not end within %s\n%s", p.PID(), patience, p.result())
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

// output may be read while the process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Eventually waits until ok holds. The deadline is generous, because a loaded machine is no reason to fail.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errors.New("still not: "+what))
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("after %s %v", patience, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
}
