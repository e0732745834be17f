package harness

import (
	"strings"
	"testing"

	"millrace/tests/harness/home"
)

// Stack is a running lakehouse whose parts the stack program runs.
type Stack struct {
	*Lake
	home.Addresses
	process *Process
	options options
}

type options struct {
	home      string
	programs  string // a folder; the project's own if empty
	env, args []string
	noReactor bool
}

// Option changes how a stack starts.
type Option func(*options)

// WithoutReactor starts MinIO and NATS alone; StartReactor can add reactors.
func WithoutReactor() Option { return func(o *options) { o.noReactor = true } }

// InHome starts on a folder that another stack left.
func InHome(dir string) Option { return func(o *options) { o.home = dir } }

// WithPrograms takes the stack, and what the test runs on its lake, from a folder: another release's. MinIO is the same one.
func WithPrograms(dir string) Option { return func(o *options) { o.programs = dir } }

// WithEnv adds variables, NAME=value, to the stack's environment.
func WithEnv(env ...string) Option { return func(o *options) { o.env = append(o.env, env...) } }

// WithArgs adds arguments to `stack up`.
func WithArgs(args ...string) Option { return func(o *options) { o.args = append(o.args, args...) } }

// Start returns when the stack is ready: with a reactor, when that is, too.
func Start(t testing.TB, opts ...Option) *Stack {
	t.Helper()
	o := options{home: t.TempDir()}
	for _, opt := range opts {
		opt(&o)
	}
	s := &Stack{options: o}
	s.start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// Up launches `stack up` without waiting, for a test of the start itself.
func Up(t testing.TB, home string, opts ...Option) *Process {
	t.Helper()
	o := options{home: home}
	for _, opt := range opts {
		opt(&o)
	}
	return o.launch(t)
}

func (o options) launch(t testing.TB) *Process {
	t.Helper()
	args := []string{"up", "--no-ingest"}
	if o.noReactor {
		args = append(args, "--no-reactor")
	} else {
		// The stack looks for it beside itself.
		programOf(t, o.programs, "reactor")
	}
	env := append(home.Dir(o.home).UpEnvironment(MinIO(t)), o.env...)
	return LaunchFile(t, env, programOf(t, o.programs, "stack"), append(args, o.args...)...)
}

func (s *Stack) start(t testing.TB) {
	t.Helper()
	dir := home.Dir(s.options.home)
	s.process = s.options.launch(t)
	Eventually(t, "the stack is ready in "+s.options.home, func() (ok bool) {
		if s.process.Ended() {
			t.Fatalf("the stack ended before it was ready\n%s\n%s", s.process.result(), dir.Logs())
		}
		var err error
		s.Addresses, err = dir.Ready(s.process.PID())
		return err == nil
	})
	s.Lake = OpenLake(t, s.options.home, dir.Catalog())
	s.programs = s.options.programs
}

// Stop stops the stack in order, as Ctrl-C does, and fails the test when that does not end well.
func (s *Stack) Stop(t testing.TB) {
	t.Helper()
	if s.process.Ended() {
		return // a test that killed it
	}
	if r := s.process.Stop(t); r.Code != 0 {
		t.Errorf("the stack did not stop in order: %s\n%s", r, s.dir().Logs())
	}
	if t.Failed() {
		t.Logf("the stack's output: %s\n%s", s.process.result(), s.dir().Logs())
	}
}

// Kill ends the whole stack at once, as a power cut would.
func (s *Stack) Kill() { s.process.Kill() }

// Restart starts it again on the same state, after Stop or Kill. Addresses change.
func (s *Stack) Restart(t testing.TB) {
	t.Helper()
	s.start(t)
}

// Process is the stack's own process.
func (s *Stack) Process() *Process { return s.process }

// Shows waits until the stack has printed a text.
func (s *Stack) Shows(t testing.TB, text string) {
	t.Helper()
	Eventually(t, "the stack shows "+text, func() bool { return strings.Contains(s.process.Stdout(), text) })
}

// ChildPID is the process of one of the stack's children (minio, reactor) that runs now.
func (s *Stack) ChildPID(t testing.TB, child string) int {
	t.Helper()
	pid, err := s.dir().PID(child)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// KillChild is kill -9 of one of the stack's children. It returns when another one runs.
func (s *Stack) KillChild(t testing.TB, child string) {
	t.Helper()
	before := s.ChildPID(t, child)
	Kill9(t, before)
	Eventually(t, "another "+child+" runs", func() bool { return s.ChildPID(t, child) != before })
}
