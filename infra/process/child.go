// Package process runs the stack's children (MinIO, the reactor): it starts one, waits until it answers, starts it again
// when it dies, and ends it in order. A child has its own process group, so a Ctrl-C on the terminal reaches the stack
// alone, and it never outlives the stack where the system offers that (Linux).
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v4"

	"millrace/infra/files"
)

const (
	firstDelay = 100 * time.Millisecond // before the first restart: most deaths are single ones
	longDelay  = 15 * time.Second       // what the delay between restarts grows to
	steady     = time.Minute            // a child that lived this long starts with the first delay again
	readyPoll  = 10 * time.Millisecond
)

// Spec describes a child.
type Spec struct {
	Name        string
	Command     func() (*exec.Cmd, error)   // asked before every start; it may repair what the child left behind
	Ready       func(context.Context) error // nil as soon as the child does its job
	ReadyWithin time.Duration
	Interrupt   bool          // a SIGINT to it alone asks it to end: Airflow ends in order by Ctrl-C only, and tells its parts
	Grace       time.Duration // between that and SIGKILL
	LogFile     string        // stdout and stderr are added to it
	PIDFile     string        // holds the process that runs now, for tools outside; none when empty
	Log         *slog.Logger  // deaths and restarts
}

// Child is a supervised process.
type Child struct {
	spec    Spec
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once

	mu  sync.Mutex
	pid int
}

// Start returns when the child is ready. Until then a death is an error, with the last lines of its log; afterwards it is
// started again, with growing delay, until Stop.
func Start(ctx context.Context, spec Spec) (*Child, error) {
	c := &Child{spec: spec, stop: make(chan struct{}), stopped: make(chan struct{})}
	run, err := c.launch()
	if err != nil {
		return nil, err
	}
	if err := c.awaitReady(ctx, run); err != nil {
		c.end(run)
		return nil, err
	}
	go c.supervise(run)
	return c, nil
}

// PID is the process that runs now, or 0 between a death and the next start.
func (c *Child) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

// Stop asks the child to end, kills its whole group when it has not after the grace, and returns when it is gone.
func (c *Child) Stop() {
	c.once.Do(func() { close(c.stop) })
	<-c.stopped
}

// run is one life of the child.
type run struct {
	pid  int
	born time.Time
	logs logMark
	done chan struct{} // closed at its death
	err  error         // how it died; read after done
}

func (r *run) dead() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (c *Child) launch() (*run, error) {
	cmd, err := c.spec.Command()
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", c.spec.Name, err)
	}
	file, mark, err := openLog(c.spec.LogFile)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.spec.Name, err)
	}
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = Attributes()

	r := &run{born: time.Now(), logs: mark, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal is tied to the thread that forked, not to the process: a thread the runtime retires
		// would take the child with it (golang/go#27505). So this thread stays for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = file.Close() }()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		r.pid = cmd.Process.Pid
		started <- nil
		r.err = cmd.Wait()
		c.setPID(0)
		close(r.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.spec.Name, err)
	}
	c.setPID(r.pid)
	if c.spec.PIDFile != "" {
		if err := files.Replace(c.spec.PIDFile, fmt.Appendln(nil, r.pid)); err != nil {
			c.end(r)
			return nil, fmt.Errorf("write down the process of %s: %w", c.spec.Name, err)
		}
	}
	return r, nil
}

func (c *Child) setPID(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = pid
}

func (c *Child) awaitReady(parent context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(parent, c.spec.ReadyWithin)
	defer cancel()
	go func() {
		select {
		case <-r.done: // a death ends the wait inside Ready, too
			cancel()
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		notReady := c.spec.Ready(ctx)
		if notReady == nil {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		switch {
		case parent.Err() != nil:
			return context.Cause(parent)
		case r.dead():
			return fmt.Errorf("%s ended before it was ready (%s)%s", c.spec.Name, ending(r.err), r.logs.tail(c.spec.LogFile))
		default:
			return fmt.Errorf("%s is not ready after %s: %w%s", c.spec.Name, c.spec.ReadyWithin, notReady, r.logs.tail(c.spec.LogFile))
		}
	}
}

// supervise keeps the child alive until Stop.
func (c *Child) supervise(r *run) {
	defer close(c.stopped)
	delay := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstDelay), backoff.WithMaxInterval(longDelay), backoff.WithMaxElapsedTime(0))
	for {
		select {
		case <-c.stop:
			c.end(r)
			return
		case <-r.done:
		}
		if time.Since(r.born) > steady {
			delay.Reset()
		}
		reason := ending(r.err)
		for r = nil; r == nil; {
			wait := delay.NextBackOff()
			c.spec.Log.Warn("child ended, starting it again", "child", c.spec.Name, "ending", reason,
				"delay", wait.Round(time.Millisecond).String(), "log", c.spec.LogFile)
			select {
			case <-c.stop:
				return
			case <-time.After(wait):
			}
			next, err := c.launch()
			if err != nil {
				reason = err.Error()
				continue
			}
			r = next
		}
		go c.reportReady(r)
	}
}

// reportReady tells when a restarted child does its job again. One that does not answer in time is killed, so that it
// gets another try; a hung child would otherwise look like a healthy one for ever.
func (c *Child) reportReady(r *run) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-c.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := c.awaitReady(ctx, r)
	if ctx.Err() != nil || r.dead() {
		return
	}
	if err != nil {
		c.spec.Log.Error("child does not answer, killing it", "child", c.spec.Name, "error", err)
		signalGroup(r.pid, syscall.SIGKILL)
		return
	}
	c.spec.Log.Info("child is back", "child", c.spec.Name, "after", time.Since(r.born).Round(time.Millisecond).String())
}

// end stops one life in order.
func (c *Child) end(r *run) {
	if c.spec.Interrupt {
		_ = syscall.Kill(r.pid, syscall.SIGINT) // an error means that it is gone
	} else {
		signalGroup(r.pid, syscall.SIGTERM)
	}
	select {
	case <-r.done:
	case <-time.After(c.spec.Grace):
		c.spec.Log.Warn("child did not end in time, killing it", "child", c.spec.Name, "grace", c.spec.Grace.String())
	}
	// Also after an orderly end: what the child itself started must not stay behind.
	signalGroup(r.pid, syscall.SIGKILL)
	<-r.done
}

// signalGroup reaches the child and all that it started. An error means that nobody is left.
func signalGroup(pid int, sig syscall.Signal) { _ = syscall.Kill(-pid, sig) }

// ending says in words how a process died.
func ending(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit code 0"
	case errors.As(err, &exit):
		return exit.Error()
	case errors.Is(err, os.ErrProcessDone):
		return "already gone"
	}
	return err.Error()
}
