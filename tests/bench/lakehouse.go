package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/process"
	"millrace/infra/streams"
	"millrace/tests/harness/broker"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/home"
)

// patience bounds every wait. Whatever takes longer is a defect, not a figure.
const patience = 5 * time.Minute

// bucket is every lake's.
const bucket = "lakehouse"

// lakehouse is a running stack with a home of its own.
type lakehouse struct {
	bench   *bench
	home    string
	stack   *process.Child
	reactor *process.Child // one that the bench runs; nil when the stack does
	client  *minio.Client
	catalog *catalog.Catalog
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
		pid, err := l.dir().PID("bench-stack")
		if err == nil {
			_, err = l.dir().Ready(pid)
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
	l.stack, err = l.child(ctx, "stack", l.dir().UpEnvironment(b.MinIO), args, ready)
	return err
}

// child runs a program of the project. It would start again after a death; sameProcesses sees that.
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

// dir is the home folder, which tells where the parts are.
func (l *lakehouse) dir() home.Dir { return home.Dir(l.home) }

// await returns when n objects below a prefix are in gold. All of them go to one silver table.
func (l *lakehouse) await(ctx context.Context, prefix string, n int) (catalog.Promoted, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.catalog.Await(ctx, prefix, n)
}

// log is where a program that the bench started writes.
func (l *lakehouse) log(program string) string {
	return filepath.Join(l.home, "bench-"+program+".log")
}

// connect opens the object store and the catalog, and finds the processes.
func (l *lakehouse) connect(ctx context.Context, withReactor bool) error {
	var err error
	if l.client, err = l.dir().S3("owner"); err != nil {
		return err
	}
	l.pids["stack"] = l.stack.PID()
	if l.pids["minio"], err = l.dir().PID("minio"); err != nil || !withReactor {
		return err
	}
	if l.pids["reactor"], err = l.dir().PID("reactor"); err != nil {
		return err
	}
	l.catalog, err = catalog.Open(l.dir().Catalog())
	return err
}

// sendPoll is how often the bench looks whether MinIO has sent all events.
const sendPoll = 100 * time.Millisecond

// sent waits until MinIO has sent the second copies of all events. It sends some hundred a second beside puts and two thousand after them,
// and whatever is timed meanwhile shares the machine with that: beside it a replay of 10,000 objects took 1.3 and 1.5 times as long, in two turns.
func (l *lakehouse) sent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		n, err := l.dir().Unsent()
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d second copies of MinIO's events: %w", n, context.Cause(ctx))
		case <-time.After(sendPoll):
		}
	}
}

// forget takes back all events that MinIO has sent so far: from then on only a listing tells what is in bronze.
func (l *lakehouse) forget(ctx context.Context) error {
	if err := l.sent(ctx); err != nil {
		return err
	}
	js, closes, err := l.jetStream(ctx)
	if err != nil {
		return err
	}
	defer closes()
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

// settle waits until the reactor has nothing to do any more, the second copies of MinIO's events included.
func (l *lakehouse) settle(ctx context.Context) error {
	if err := l.sent(ctx); err != nil {
		return err
	}
	js, closes, err := l.jetStream(ctx)
	if err != nil {
		return err
	}
	defer closes()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return broker.Settled(ctx, js)
}

// jetStream connects to the broker; closes ends that.
func (l *lakehouse) jetStream(ctx context.Context) (js jetstream.JetStream, closes func(), err error) {
	conn, err := l.dir().NATS(ctx, "owner")
	if err != nil {
		return nil, nil, err
	}
	if js, err = jetstream.New(conn); err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("use JetStream: %w", err)
	}
	return js, conn.Close, nil
}

// startReactor runs a reactor beside the stack, which has none, with more in its environment, and returns when it is ready.
func (l *lakehouse) startReactor(ctx context.Context, more ...string) error {
	env, err := l.dir().Env("reactor")
	if err != nil {
		return err
	}
	l.reactor, err = l.child(ctx, "reactor", append(append(env, "MILLRACE_HTTP_ADDR=127.0.0.1:0"), more...), []string{"run"}, func() error {
		address, err := l.dir().HTTP()
		if err != nil {
			return err
		}
		return home.ReactorReady(ctx, address)
	})
	if err != nil {
		return err
	}
	l.pids["reactor"] = l.reactor.PID()
	l.catalog, err = catalog.Open(l.dir().Catalog())
	return err
}

// run runs a program of the project to its end, within a time limit, and returns what it printed.
func (l *lakehouse) run(ctx context.Context, within time.Duration, role, program string, args ...string) ([]byte, error) {
	env, err := l.dir().Env(role)
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
		err = l.catalog.Close()
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
