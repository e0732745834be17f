//go:build store

// Package store_test runs a lake on another object store than MinIO, and by S3's messages in all their forms.
package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/nats"
	"millrace/infra/settings"
	"millrace/infra/streams"
	"millrace/reactor/stream"
	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
)

const (
	user   = "root-of-a-test"
	secret = settings.Secret("secret-of-a-test")
)

// lab is a lake on VersityGW: an S3 gateway of another house, on a folder. It sends S3's messages to NATS, one for each put and delete,
// without waiting whether anybody takes them.
type lab struct {
	*harness.Lake
	broker  *nats.Server
	port    int
	gateway *harness.Process
	reactor *harness.Reactor
}

// start starts one. If tells is false, the gateway tells nobody of its objects.
func start(t *testing.T, tells bool) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{broker: harness.Broker(t), port: harness.FreePort(t)}
	nc, err := l.broker.Connect(nats.UserReactor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := stream.Client(nc, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := streams.Ensure(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "catalog.db")
	for role, natsUser := range map[string]string{"owner": nats.UserOwner, "reactor": nats.UserReactor} {
		err := settings.WriteEnv(dir, role, map[string]string{
			"MILLRACE_HOME": filepath.Join(dir, "reactor"), "MILLRACE_CATALOG": "sqlite:///" + file, "MILLRACE_BUCKET": "lakehouse",
			"MILLRACE_S3_ENDPOINT": fmt.Sprintf("http://127.0.0.1:%d", l.port), "MILLRACE_S3_REGION": "us-east-1",
			"MILLRACE_S3_ACCESS_KEY": user, "MILLRACE_S3_SECRET_KEY": secret.Reveal(),
			"MILLRACE_NATS_URL": l.broker.URL(natsUser).Reveal(), "MILLRACE_S3_EVENTS": "aws",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"reactor", "objects", "versions"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l.Lake = harness.OpenLake(t, dir, file)
	l.startGateway(t, tells)
	if err := makeBucket(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	// The reconciler looks at the start and then not again: what gets into the tables got there by messages.
	l.reactor = l.StartReactor(t, "MILLRACE_RECONCILE_EVERY=1h")
	harness.Eventually(t, "the reconciler has looked", func() bool {
		return harness.Metrics(t, l.reactor.Addr)["millrace_reconcile_last_success_timestamp_seconds{scope=all}"] > 0
	})
	return l
}

// startGateway starts the gateway, or starts it again.
func (l *lab) startGateway(t *testing.T, tells bool) {
	t.Helper()
	if l.gateway != nil {
		l.gateway.Kill()
	}
	args := []string{"--port", fmt.Sprintf("127.0.0.1:%d", l.port), "--access", user, "--secret", secret.Reveal(), "--keep-alive", "--quiet"}
	if tells {
		args = append(args, "--event-nats-url", l.broker.URL(nats.UserMinIO).Reveal(), "--event-nats-topic", "lake.raw.versity")
	}
	args = append(args, "posix", "--versioning-dir", filepath.Join(l.Home, "versions"), filepath.Join(l.Home, "objects"))
	l.gateway = harness.LaunchFile(t, os.Environ(), harness.Tool(t, "github.com/versity/versitygw/cmd/versitygw"), args...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the gateway: %s\n%s", l.gateway.Stdout(), l.gateway.Stderr())
		}
	})
	harness.Eventually(t, "the gateway answers", func() bool {
		if l.gateway.Ended() {
			t.Fatalf("the gateway ended: %s\n%s", l.gateway.Stdout(), l.gateway.Stderr())
		}
		_, err := l.Client().ListBuckets(t.Context())
		return err == nil
	})
}

// settled waits until the ledger knows each of n object versions, and fails the test if it knows one twice: the identity of an event would be
// another one than a listing's.
func (l *lab) settled(t *testing.T, n int) {
	t.Helper()
	l.AwaitLedger(t, n)
	seen := map[string]int{}
	for _, e := range l.Ledger(t) {
		if seen[e.Object()]++; seen[e.Object()] > 1 {
			t.Errorf("the ledger has %s %d times", e.Object(), seen[e.Object()])
		}
	}
}

// distinct counts the versions in the ledger that nobody has removed.
func (l *lab) distinct(t *testing.T) int {
	t.Helper()
	there := map[string]bool{}
	for _, e := range l.Ledger(t) {
		if e.Outcome != "removed" {
			there[e.Object()] = true
		}
	}
	return len(there)
}

// removed waits until the ledger says that a version's rows are gone.
func (l *lab) removed(t *testing.T, key, version string) {
	t.Helper()
	harness.Eventually(t, key+" is out of the tables", func() bool {
		entries := l.Ledger(t)
		i := slices.IndexFunc(entries, func(e catalog.Entry) bool { return e.Key == key && e.Version == version })
		return i >= 0 && entries[i].Outcome == "removed"
	})
}

func makeBucket(ctx context.Context, l *lab) error {
	if err := l.Client().MakeBucket(ctx, l.Bucket(), s3.MakeBucketOptions{}); err != nil {
		return fmt.Errorf("make the bucket: %w", err)
	}
	if err := l.Client().EnableVersioning(ctx, l.Bucket()); err != nil {
		return fmt.Errorf("let the bucket keep versions: %w", err)
	}
	return nil
}
