package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/process"
	"millrace/infra/settings"
	"millrace/infra/streams"
	"millrace/tests/harness"
	"millrace/tests/harness/home"
)

const (
	bucket = "lakehouse"
	// reconcileEvery is short because only the reconciler heals some faults, and its usual rhythm is minutes.
	reconcileEvery = 3 * time.Second
)

// lab is a lakehouse of separate processes, as compose.yaml has them: NATS, MinIO and the reactor are supervised by the
// stack's own code, but each can be killed alone, and the reactor reaches the other two by lines that the test can cut.
// NATS is the stack's embedded server in a process of its own. What the test itself does goes past the lines.
type lab struct {
	*harness.Lake
	dir, catalogAt string
	secret         settings.Secret // one for all users
	broker         *process.Child
	store          *minio.Server
	reactor        *process.Child

	storePort, brokerPort int
	httpAddr              string
	toStore, toBroker     *line // from the reactor
	events                *line // from MinIO to the broker
	gate                  *gate // between toStore and MinIO
	log                   *os.File
	reactorLog            string
	reactorEnv            []string
	minioProgram          string
	whole                 *harness.Stack // the real stack program in place of the parts above
	pair                  *pair          // two reactors in place of one
	cluster               *cluster       // three nats-servers in place of one
}

// newLab starts one; the test's end stops it. prepare, when there is one, changes its folder before anything starts.
func newLab(t testing.TB, dir string, prepare func(testing.TB, string), reactorEnv ...string) *lab {
	t.Helper()
	// The catalog has a folder of its own, which may be a small disk.
	l := layLab(t, dir, filepath.Join(dir, "catalog", "catalog.db"), prepare)
	l.reactorEnv = reactorEnv
	l.brokerPort = harness.FreePort(t)
	l.toBroker, l.events = newLine(t, l.brokerPort), newLine(t, l.brokerPort)
	l.open(t)
	l.startBroker(t)
	l.startStore(t)
	l.startReactor(t)
	return l
}

// layLab makes the folders and the ports of a lab whose catalog is in a file, or in PostgreSQL.
func layLab(t testing.TB, dir, catalog string, prepare func(testing.TB, string)) *lab {
	t.Helper()
	l := &lab{dir: dir, catalogAt: catalog, secret: "secret-of-a-test", minioProgram: harness.MinIO(t), reactorLog: filepath.Join(dir, "log", "reactor.log")}
	for _, sub := range []string{"nats", "catalog", "events", "minio", "log", "reactor"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if prepare != nil {
		prepare(t, dir)
	}
	l.storePort, l.httpAddr = harness.FreePort(t), harness.FreeAddress(t)
	l.gate = newGate(t, l.storePort)
	l.toStore = newLine(t, l.gate.port)
	file, err := os.Create(filepath.Join(dir, "log", "lab.log"))
	if err != nil {
		t.Fatal(err)
	}
	l.log = file
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the lab's logs:\n%s", home.Dir(dir).Logs())
		}
	})
	return l
}

// open tells the test's programs where the parts are, past the lines, and signs the test in.
func (l *lab) open(t testing.TB) {
	t.Helper()
	secret, address := l.secret.Reveal(), l.catalogAt
	if !strings.HasPrefix(address, "postgres://") {
		address = "sqlite:///" + address
	}
	for role, keys := range map[string]struct{ s3, nats string }{"owner": {rootUser, nats.UserOwner}, "reactor": {minio.UserReactor, nats.UserReactor}} {
		err := settings.WriteEnv(l.dir, role, map[string]string{
			"MILLRACE_HOME": filepath.Join(l.dir, "reactor"), "MILLRACE_CATALOG": address, "MILLRACE_BUCKET": bucket,
			"MILLRACE_S3_ENDPOINT": fmt.Sprintf("http://127.0.0.1:%d", l.storePort), "MILLRACE_S3_REGION": "us-east-1",
			"MILLRACE_S3_ACCESS_KEY": keys.s3, "MILLRACE_S3_SECRET_KEY": secret,
			"MILLRACE_NATS_URL":  l.natsURL(keys.nats, l.brokers()...),
			"MILLRACE_HTTP_ADDR": l.httpAddr,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l.Lake = harness.OpenLake(t, l.dir, l.catalogAt)
}

// brokers are the addresses of the nats-servers, past the lines.
func (l *lab) brokers() []string {
	if l.cluster != nil {
		return l.cluster.addresses()
	}
	return []string{fmt.Sprintf("127.0.0.1:%d", l.brokerPort)}
}

// natsURL is where a user reaches nats-servers.
func (l *lab) natsURL(user string, addresses ...string) string {
	var urls []string
	for _, at := range addresses {
		urls = append(urls, "nats://"+user+":"+l.secret.Reveal()+"@"+at)
	}
	return strings.Join(urls, ",")
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
	config, err := json.Marshal(brokerConfig{Dir: filepath.Join(l.Home, "nats"), Port: l.brokerPort, Secret: l.secret.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	l.broker, err = process.Start(t.Context(), process.Spec{
		Name: theBroker, Log: l.slog(), ReadyWithin: time.Minute, Grace: 10 * time.Second, LogFile: filepath.Join(l.Home, "log", "nats.log"),
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
	if err := streams.Ensure(t.Context(), l.JetStream(t)); err != nil {
		t.Fatal(err)
	}
}

const rootUser = "root-of-a-test"

func (l *lab) storeConfig() minio.Config {
	c := minio.Config{
		Binary: l.minioProgram, Port: l.storePort, Dir: filepath.Join(l.Home, "minio"), Queue: filepath.Join(l.Home, "events"),
		Quarantine: filepath.Join(l.Home, "quarantine"), LogFile: filepath.Join(l.Home, "log", "minio.log"),
		RootUser: rootUser, RootPassword: l.secret, NATSUser: nats.UserMinIO, NATSPassword: l.secret, Log: l.slog(),
	}
	if l.cluster != nil {
		c.NATSAddress, c.SafeAddress = l.cluster.clients[0].address(), l.cluster.clients[1].address()
	} else {
		c.NATSAddress = l.events.address()
	}
	return c
}

func (l *lab) startStore(t testing.TB) {
	t.Helper()
	var err error
	if l.store, err = minio.Start(t.Context(), l.storeConfig()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.store.Stop)
	secrets := map[string]settings.Secret{}
	for _, u := range minio.Users {
		secrets[u] = l.secret
	}
	ctx, client := t.Context(), l.Client()
	for _, err := range []error{minio.EnsureBucket(ctx, client, bucket), l.store.EnsureUsers(ctx, bucket, secrets), minio.SetRules(ctx, client, bucket)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// startReactor starts one that reaches MinIO and the broker by the lines.
func (l *lab) startReactor(t testing.TB) {
	t.Helper()
	program := harness.Program(t, "reactor")
	env := append(l.Env(t, "reactor"), "MILLRACE_S3_ENDPOINT=http://"+l.toStore.address(), "MILLRACE_RECONCILE_EVERY="+reconcileEvery.String(),
		"MILLRACE_NATS_URL="+l.natsURL(nats.UserReactor, l.toBroker.address()))
	var err error
	l.reactor, err = process.Start(t.Context(), process.Spec{
		Name: theReactor, Log: l.slog(), ReadyWithin: time.Minute, Grace: 20 * time.Second, LogFile: l.reactorLog,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(program, "run")
			cmd.Env = slices.Concat(env, l.reactorEnv)
			return cmd, nil
		},
		Ready: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return home.ReactorReady(ctx, l.httpAddr)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.reactor.Stop)
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
		harness.Eventually(t, part+" runs", func() bool { pid = l.pid(t, part); return pid > 0 })
		pids = append(pids, pid)
	}
	harness.Kill9(t, pids...)
}
