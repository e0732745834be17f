// Package stack gives pipeline tests a lakehouse of their own: the project's real programs with a real MinIO and a real
// nats-server, in a folder of the test, on free ports, gone when the test ends. It never skips: a part that is missing is
// built, or the test fails.
package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/settings"
)

// patience bounds every wait. It is far beyond what anything takes: a test that hits it has found a defect.
const patience = 2 * time.Minute

// Stack is a running lakehouse.
type Stack struct {
	Home string
	Addresses
	process *Process
	client  *s3.Client
	options options
}

// Addresses are where its parts answer, as the stack wrote them into the file "ready".
type Addresses struct {
	PID       int    `json:"pid"`
	S3        string `json:"s3"`
	NATS      string `json:"nats"`
	HTTP      string `json:"http"` // host:port; empty without a reactor
	Simulator string `json:"simulator"`
	Synthetic bool   `json:"synthetic"`
}

type options struct {
	home      string
	env, args []string
	noReactor bool
}

// Option changes how a stack starts.
type Option func(*options)

// WithoutReactor starts MinIO and NATS alone; StartReactor can add reactors.
func WithoutReactor() Option { return func(o *options) { o.noReactor = true } }

// InHome starts on a folder that another stack left.
func InHome(dir string) Option { return func(o *options) { o.home = dir } }

// WithEnv adds variables, NAME=value, to the stack's environment.
func WithEnv(env ...string) Option { return func(o *options) { o.env = append(o.env, env...) } }

// WithArgs adds arguments to `stack up`.
func WithArgs(args ...string) Option { return func(o *options) { o.args = append(o.args, args...) } }

// Start returns when the stack is ready: with a reactor, when that is, too.
func Start(t testing.TB, opts ...Option) *Stack {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if o.home == "" {
		o.home = t.TempDir()
	}
	s := &Stack{Home: o.home, options: o}
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
		Program(t, "reactor")
	}
	env := append(cleanEnvironment(), "MILLRACE_HOME="+o.home, "MILLRACE_MINIO="+MinIO(t),
		"MILLRACE_S3_PORT=0", "MILLRACE_NATS_PORT=0", "MILLRACE_HTTP_ADDR=127.0.0.1:0")
	return launch(t, append(env, o.env...), "stack", append(args, o.args...)...)
}

func (s *Stack) start(t testing.TB) {
	t.Helper()
	s.process = s.options.launch(t)
	Eventually(t, "the stack is ready in "+s.Home, func() bool {
		if s.process.Ended() {
			t.Fatalf("the stack ended before it was ready\n%s\n%s", s.process.result(), s.logs())
		}
		text, err := os.ReadFile(filepath.Join(s.Home, "ready"))
		return err == nil && json.Unmarshal(text, &s.Addresses) == nil && s.PID == s.process.PID()
	})
	s.client = s.ClientAs(t, "owner")
}

// Stop stops the stack in order, as Ctrl-C does, and fails the test when that does not end well.
func (s *Stack) Stop(t testing.TB) {
	t.Helper()
	if s.process.Ended() {
		return // a test that killed it
	}
	if r := s.process.Stop(t); r.Code != 0 {
		t.Errorf("the stack did not stop in order: %s\n%s", r, s.logs())
	}
	if t.Failed() {
		t.Logf("the stack's output: %s\n%s", s.process.result(), s.logs())
	}
}

// Kill ends the whole stack at once, as a power cut would.
func (s *Stack) Kill() { s.process.Kill() }

// Restart starts it again on the same state, after Stop or Kill. Addresses change.
func (s *Stack) Restart(t testing.TB) {
	t.Helper()
	s.Addresses = Addresses{}
	s.start(t)
}

// Process is the stack's own process.
func (s *Stack) Process() *Process { return s.process }

// Bucket is the lakehouse's bucket.
func (s *Stack) Bucket() string { return "lakehouse" }

// Client signs in to the object store as the owner.
func (s *Stack) Client() *s3.Client { return s.client }

// ClientAs signs in to the object store as a role.
func (s *Stack) ClientAs(t testing.TB, role string) *s3.Client {
	t.Helper()
	vars := s.Vars(t, role)
	client, err := settings.S3{
		Endpoint: s.S3, AccessKey: vars["MILLRACE_S3_ACCESS_KEY"], SecretKey: settings.Secret(vars["MILLRACE_S3_SECRET_KEY"]),
		Region: vars["MILLRACE_S3_REGION"],
	}.Client()
	if err != nil {
		t.Fatalf("sign in to S3 as %s: %v", role, err)
	}
	return client
}

// logs quotes the end of each log in the home folder.
func (s *Stack) logs() string {
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(s.Home, "log", "*.log"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		const most = 4000
		if len(text) > most {
			text = text[len(text)-most:]
		}
		b.WriteString("the end of " + filepath.Base(file) + ":\n" + string(text) + "\n")
	}
	return b.String()
}
