package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/process"
	"millrace/infra/settings"
	"millrace/infra/streams"
	"millrace/tests/stack"
)

const (
	bucket = "lakehouse"
	// patience bounds every wait: a lake that needs longer to heal has not healed.
	patience = 3 * time.Minute
	// reconcileEvery is short because only the reconciler heals some faults, and its usual rhythm is minutes.
	reconcileEvery = 3 * time.Second
)

// lab is a lakehouse of separate processes, as compose.yaml has them: NATS, MinIO and the reactor are supervised by the
// stack's own code, but each can be killed alone, and the reactor reaches the other two by lines that the test can cut.
// NATS is the stack's embedded server in a process of its own.
type lab struct {
	home    string
	secret  settings.Secret // one for all users
	broker  *process.Child
	store   *minio.Server
	reactor *process.Child

	storePort, brokerPort int
	httpAddr              string
	toStore, toBroker     *line // from the reactor
	events                *line // from MinIO to the broker
	gate                  *gate // between toStore and MinIO
	log                   *os.File
	reactorLog            string
	reactorEnv            []string
	client                *s3.Client
	minioProgram          string
	whole                 *stack.Stack // the real stack program in place of the parts above
}

// newLab starts one; the test's end stops it.
func newLab(t testing.TB, dir string, prepare func(testing.TB, *lab)) *lab {
	t.Helper()
	l := &lab{home: dir, secret: "secret-of-a-test"}
	for _, sub := range []string{"nats", "catalog", "events", "minio", "log", "reactor"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if prepare != nil {
		prepare(t, l)
	}
	l.storePort, l.brokerPort = freePort(t), freePort(t)
	l.httpAddr = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	l.toBroker, l.events = newLine(t, l.brokerPort), newLine(t, l.brokerPort)
	l.gate = newGate(t, l.storePort)
	l.toStore = newLine(t, l.gate.port)
	l.minioProgram = stack.MinIO(t)
	file, err := os.Create(filepath.Join(dir, "log", "lab.log"))
	if err != nil {
		t.Fatal(err)
	}
	l.log = file
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the lab's logs:\n%s", l.logs())
		}
	})
	l.startBroker(t)
	l.startStore(t)
	l.startReactor(t)
	return l
}

func freePort(t testing.TB) int {
	t.Helper()
	n, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (l *lab) slog() *slog.Logger { return slog.New(slog.NewTextHandler(l.log, nil)) }

// brokerVariable tells this program to be a broker.
const brokerVariable = "MILLRACE_DELIVERY_BROKER"

type brokerConfig struct {
	Dir    string
	Port   int
	Secret string
}

// beBroker runs the stack's nats-server until it is told to end.
func beBroker(text string) error {
	var c brokerConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	users := nats.Passwords{}
	for _, u := range nats.Users {
		users[u] = settings.Secret(c.Secret)
	}
	server, err := nats.Start(nats.Config{Dir: c.Dir, Port: c.Port, Users: users, Log: os.Stderr})
	if err != nil {
		return err
	}
	ctx, stop := signalled()
	defer stop()
	<-ctx.Done()
	server.Stop()
	return nil
}

func (l *lab) startBroker(t testing.TB) {
	t.Helper()
	config, err := json.Marshal(brokerConfig{Dir: filepath.Join(l.home, "nats"), Port: l.brokerPort, Secret: l.secret.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	l.broker, err = process.Start(t.Context(), process.Spec{
		Name: "nats", Log: l.slog(), ReadyWithin: time.Minute, Grace: 10 * time.Second, LogFile: filepath.Join(l.home, "log", "nats.log"),
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), brokerVariable+"="+string(config))
			return cmd, nil
		},
		Ready: func(context.Context) error {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.brokerPort))
			if err != nil {
				return err
			}
			return c.Close()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.broker.Stop)
	if err := streams.Ensure(t.Context(), l.jetStream(t)); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) storeConfig() minio.Config {
	return minio.Config{
		Binary: l.minioProgram, Port: l.storePort, Dir: filepath.Join(l.home, "minio"), Queue: filepath.Join(l.home, "events"),
		Quarantine: filepath.Join(l.home, "quarantine"), LogFile: filepath.Join(l.home, "log", "minio.log"),
		RootUser: "root-of-a-test", RootPassword: l.secret, NATSAddress: l.events.address(), NATSUser: nats.UserMinIO, NATSPassword: l.secret, Log: l.slog(),
	}
}

func (l *lab) startStore(t testing.TB) {
	t.Helper()
	var err error
	if l.store, err = minio.Start(t.Context(), l.storeConfig()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.store.Stop)
	l.client = l.clientAs(t, l.storeConfig().RootUser)
	secrets := map[string]settings.Secret{}
	for _, u := range minio.Users {
		secrets[u] = l.secret
	}
	ctx := t.Context()
	for _, err := range []error{minio.EnsureBucket(ctx, l.client, bucket), l.store.EnsureUsers(ctx, bucket, secrets), minio.SetRules(ctx, l.client, bucket)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// clientAs signs in to MinIO itself, past the lines.
func (l *lab) clientAs(t testing.TB, user string) *s3.Client {
	t.Helper()
	client, err := settings.S3{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", l.storePort), AccessKey: user, SecretKey: l.secret, Region: "us-east-1",
	}.Client()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// catalog is the file of the SQLite catalog. It has a folder of its own, which may be a small disk.
func (l *lab) catalog() string {
	if l.whole != nil {
		return l.whole.Catalog()
	}
	return filepath.Join(l.home, "catalog", "catalog.db")
}

// env is the environment of a reactor's command: by the lines for the one that runs, past them for those of the test.
func (l *lab) env(store, broker string) []string {
	env := []string{}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MILLRACE_") && !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "COINCAP_") {
			env = append(env, e)
		}
	}
	return append(env, "MILLRACE_HOME="+filepath.Join(l.home, "reactor"), "MILLRACE_CATALOG=sqlite:///"+l.catalog(),
		"MILLRACE_S3_ENDPOINT=http://"+store, "MILLRACE_S3_ACCESS_KEY="+minio.UserReactor, "MILLRACE_S3_SECRET_KEY="+l.secret.Reveal(),
		"MILLRACE_S3_REGION=us-east-1", "MILLRACE_BUCKET="+bucket, "MILLRACE_RECONCILE_EVERY="+reconcileEvery.String(),
		"MILLRACE_NATS_URL=nats://"+nats.UserReactor+":"+l.secret.Reveal()+"@"+broker, "MILLRACE_HTTP_ADDR="+l.httpAddr)
}

func (l *lab) startReactor(t testing.TB) {
	t.Helper()
	l.reactorLog = filepath.Join(l.home, "log", "reactor.log")
	program := stack.Program(t, "reactor")
	var err error
	l.reactor, err = process.Start(t.Context(), process.Spec{
		Name: "reactor", Log: l.slog(), ReadyWithin: time.Minute, Grace: 20 * time.Second, LogFile: l.reactorLog,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(program, "run")
			cmd.Env = append(l.env(l.toStore.address(), l.toBroker.address()), l.reactorEnv...)
			return cmd, nil
		},
		Ready: func(ctx context.Context) error { return l.ready(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.reactor.Stop)
}

// ready asks the reactor whether it is.
func (l *lab) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.httpAddr+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the reactor answers %s", response.Status)
	}
	return nil
}

// run runs a command of the reactor's, past the lines.
func (l *lab) run(t testing.TB, args ...string) stack.Result {
	t.Helper()
	if l.whole != nil {
		return l.whole.Run(t, "reactor", args...)
	}
	cmd := exec.CommandContext(t.Context(), stack.Program(t, "reactor"), args...) // a check after a soak takes minutes
	cmd.Env = l.env(fmt.Sprintf("127.0.0.1:%d", l.storePort), fmt.Sprintf("127.0.0.1:%d", l.brokerPort))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code tells
	return stack.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// jetStream is the broker, past the lines.
func (l *lab) jetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	if l.whole != nil {
		js, err := jetstream.New(l.whole.Connect(t, "owner"))
		if err != nil {
			t.Fatal(err)
		}
		return js
	}
	conn, err := settings.NATS{URL: settings.Secret(fmt.Sprintf("nats://%s:%s@127.0.0.1:%d", nats.UserOwner, l.secret.Reveal(), l.brokerPort))}.Connect(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// Parts that can be killed.
const (
	theReactor = "reactor"
	theStore   = "minio"
	theBroker  = "nats"
	theStack   = "stack"
)

func (l *lab) pid(t testing.TB, part string) int {
	t.Helper()
	switch {
	case l.whole != nil && part == theStack:
		return l.whole.Process().PID()
	case l.whole != nil:
		return l.whole.ChildPID(t, part)
	case part == theReactor:
		return l.reactor.PID()
	case part == theStore:
		return l.store.PID()
	}
	return l.broker.PID()
}

// kill is kill -9 of running parts, all at one moment. Their supervisor starts them again; a stack has none but its user.
func (l *lab) kill(t testing.TB, parts ...string) {
	t.Helper()
	var pids []int
	for _, part := range parts {
		var pid int
		eventually(t, part+" runs", func() bool { pid = l.pid(t, part); return pid > 0 })
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatalf("kill process %d: %v", pid, err)
		}
	}
}

// logs quotes the end of each log.
func (l *lab) logs() string {
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(l.home, "log", "*.log"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		text = text[max(0, len(text)-3000):]
		fmt.Fprintf(&b, "%s:\n%s\n", filepath.Base(file), text)
	}
	return b.String()
}

// eventually waits for a condition. A lake that needs longer than patience has not healed.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", patience, what)
		}
	}
}
