package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/process"
	"millrace/infra/settings"
	"millrace/infra/streams"
)

// patience bounds every wait; what takes longer is no figure but a defect.
const patience = 5 * time.Minute

// bucket of every lake here.
const bucket = "lakehouse"

// lakehouse is a running stack with a home of its own.
type lakehouse struct {
	bench   *bench
	home    string
	stack   *process.Child
	reactor *process.Child // one that the bench runs; nil when the stack does
	client  *minio.Client
	catalog *catalog
	pids    map[string]int // of the processes that are watched
}

// open starts MinIO, NATS and, when wanted, the reactor, on an empty home.
func (b *bench) open(ctx context.Context, withReactor bool) (*lakehouse, error) {
	l := &lakehouse{bench: b, pids: map[string]int{}}
	args := []string{"up", "--no-ingest"}
	if !withReactor {
		args = append(args, "--no-reactor")
	}
	err := l.start(ctx, args, func() error {
		var ready struct{ PID int }
		text, err := os.ReadFile(filepath.Join(l.home, "ready"))
		if err == nil {
			err = json.Unmarshal(text, &ready)
		}
		if err == nil && ready.PID == 0 {
			err = errors.New("the stack is not ready")
		}
		return err
	})
	if err == nil {
		err = l.connect(ctx, withReactor)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// start runs `stack up` in a new home until ready says nil.
func (l *lakehouse) start(ctx context.Context, args []string, ready func() error) (err error) {
	b := l.bench
	if l.home, err = os.MkdirTemp(b.dir, b.letter+"-"); err != nil {
		return fmt.Errorf("make a home: %w", err)
	}
	env := append(cleanEnvironment(), "MILLRACE_HOME="+l.home, "MILLRACE_MINIO="+b.MinIO,
		"MILLRACE_S3_PORT=0", "MILLRACE_NATS_PORT=0", "MILLRACE_HTTP_ADDR=127.0.0.1:0")
	l.stack, err = l.child(ctx, "stack", env, args, ready)
	return err
}

// child runs a program of the project. Its restart after a death would be seen: the figures' process is gone then.
func (l *lakehouse) child(ctx context.Context, program string, env, args []string, ready func() error) (*process.Child, error) {
	return process.Start(ctx, process.Spec{
		Name: program,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(filepath.Join(l.bench.Bin, program), args...)
			cmd.Env, cmd.Dir = env, l.bench.dir
			return cmd, nil
		},
		Ready:       func(context.Context) error { return ready() },
		ReadyWithin: patience, Grace: 30 * time.Second,
		LogFile: l.log(program), PIDFile: filepath.Join(l.home, "bench-"+program+".pid"), Log: slog.Default(),
	})
}

// log is where a program that the bench started writes.
func (l *lakehouse) log(program string) string {
	return filepath.Join(l.home, "bench-"+program+".log")
}

// cleanEnvironment leaves out what points to a lake or a source that the user has running.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "MILLRACE_") || strings.HasPrefix(entry, "COINCAP_") || strings.HasPrefix(entry, "AWS_")
	})
}

// env is a whole environment for a program of that role.
func (l *lakehouse) env(role string) ([]string, error) {
	vars, err := settings.ReadEnv(l.home, role)
	if err != nil {
		return nil, err
	}
	env := cleanEnvironment()
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	return env, nil
}

// connect opens the object store and the catalog, and finds the processes.
func (l *lakehouse) connect(ctx context.Context, withReactor bool) error {
	vars, err := settings.ReadEnv(l.home, "owner")
	if err != nil {
		return err
	}
	l.client, err = settings.S3{
		Endpoint: vars["MILLRACE_S3_ENDPOINT"], AccessKey: vars["MILLRACE_S3_ACCESS_KEY"], SecretKey: settings.Secret(vars["MILLRACE_S3_SECRET_KEY"]),
	}.Client()
	if err != nil {
		return err
	}
	l.pids["stack"] = l.stack.PID()
	if l.pids["minio"], err = readPID(filepath.Join(l.home, "minio.pid")); err != nil || !withReactor {
		return err
	}
	if l.pids["reactor"], err = readPID(filepath.Join(l.home, "reactor.pid")); err != nil {
		return err
	}
	l.catalog, err = openCatalog(filepath.Join(l.home, "catalog.db"))
	return err
}

func readPID(file string) (pid int, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		_, err = fmt.Sscan(string(text), &pid)
	}
	if err != nil {
		return 0, fmt.Errorf("find a process of the stack: %w", err)
	}
	return pid, nil
}

// forget takes back all events that MinIO has sent so far: what is in bronze then is known by listing it alone.
func (l *lakehouse) forget(ctx context.Context) error {
	vars, err := settings.ReadEnv(l.home, "owner")
	if err != nil {
		return err
	}
	conn, err := settings.NATS{URL: settings.Secret(vars["MILLRACE_NATS_URL"])}.Connect(ctx, "bench")
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	for _, name := range []string{streams.Raw, streams.Events} {
		s, err := js.Stream(ctx, name)
		if err == nil {
			err = s.Purge(ctx)
		}
		if err != nil {
			return fmt.Errorf("purge stream %s: %w", name, err)
		}
	}
	return nil
}

// startReactor runs a reactor beside the stack, which has none, and returns when it is ready.
func (l *lakehouse) startReactor(ctx context.Context) error {
	env, err := l.env("reactor")
	if err != nil {
		return err
	}
	address := filepath.Join(l.home, "http.addr")
	l.reactor, err = l.child(ctx, "reactor", append(env, "MILLRACE_HTTP_ADDR=127.0.0.1:0"), []string{"run"}, func() error {
		text, err := os.ReadFile(address)
		if err != nil {
			return err
		}
		response, err := http.Get("http://" + string(text) + "/readyz")
		if err != nil {
			return err
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("the reactor is not ready: %s %w", response.Status, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.pids["reactor"] = l.reactor.PID()
	l.catalog, err = openCatalog(filepath.Join(l.home, "catalog.db"))
	return err
}

// run runs a program of the project to its end, which must come within a time, and returns what it printed.
func (l *lakehouse) run(ctx context.Context, within time.Duration, role, program string, args ...string) ([]byte, error) {
	env, err := l.env(role)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, filepath.Join(l.bench.Bin, program), args...)
	cmd.Env, cmd.Dir, cmd.Stderr = env, l.bench.dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(args, " "), err, out, stderr.String())
	}
	return out, nil
}

// close stops everything and removes the home.
func (l *lakehouse) close() error {
	var err error
	if l.catalog != nil {
		err = l.catalog.close()
	}
	for _, child := range []*process.Child{l.reactor, l.stack} {
		if child != nil {
			child.Stop()
		}
	}
	if l.home != "" {
		l.warnings()
		err = errors.Join(err, os.RemoveAll(l.home))
	}
	return err
}
