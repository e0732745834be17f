package stack

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go"

	"millrace/infra/process"
	"millrace/infra/settings"
)

// Put puts an object as any S3 client would and returns its version.
func (s *Stack) Put(t testing.TB, key string, body []byte, meta map[string]string) s3.UploadInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	info, err := s.client.PutObject(ctx, s.Bucket(), key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{UserMetadata: meta})
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return info
}

// Wait returns when the objects are in gold, and fails the test when they do not get there.
func (s *Stack) Wait(t testing.TB, keys ...string) {
	t.Helper()
	args := []string{"wait"}
	for _, key := range keys {
		args = append(args, "--key", key)
	}
	if r := s.Run(t, "reactor", args...); r.Code != 0 {
		t.Fatalf("reactor wait for %s: %s\n%s", strings.Join(keys, ", "), r, s.logs())
	}
}

// Connect gives a connection to NATS as a role that has one (owner, reactor), closed when the test ends.
func (s *Stack) Connect(t testing.TB, role string) *nats.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := settings.NATS{URL: settings.Secret(s.Vars(t, role)["MILLRACE_NATS_URL"])}.Connect(ctx, "test")
	if err != nil {
		t.Fatalf("connect to NATS as %s: %v", role, err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// Catalog is the file of the SQLite catalog.
func (s *Stack) Catalog() string { return filepath.Join(s.Home, "catalog.db") }

// ChildPID is the process of one of the stack's children (minio, reactor) that runs now.
func (s *Stack) ChildPID(t testing.TB, child string) int {
	t.Helper()
	path := filepath.Join(s.Home, child+".pid")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("find the process of %s: %v", child, err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatalf("find the process of %s in %s: %v", child, path, err)
	}
	return pid
}

// Reactor is one that the test runs itself, beside or in place of the stack's own.
type Reactor struct {
	*Process
	Addr string // host:port
}

// StartReactor runs a reactor and returns when it is ready. Kill is its sudden death, Stop its orderly end.
func (s *Stack) StartReactor(t testing.TB, env ...string) *Reactor {
	t.Helper()
	number, err := process.FreePort() // not 0: two reactors would write their address into one file
	if err != nil {
		t.Fatal(err)
	}
	r := &Reactor{Addr: fmt.Sprintf("127.0.0.1:%d", number)}
	r.Process = launch(t, append(append(s.Env(t, "reactor"), "MILLRACE_HTTP_ADDR="+r.Addr), env...), "reactor", "run")
	Eventually(t, "the reactor is ready", func() bool {
		if r.Ended() {
			t.Fatalf("the reactor ended before it was ready: %s", r.result())
		}
		response, err := http.Get("http://" + r.Addr + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	})
	return r
}
