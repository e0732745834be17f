package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"millrace/infra/minio"
)

// packages maps each program to the package it is built from.
var packages = map[string]string{"stack": "./infra/local", "ingestor": "./ingestor", "reactor": "./reactor"}

// built remembers what this test process made sure of, so that each program is built once.
var built struct {
	sync.Mutex
	paths map[string]string
}

// Root is the repository's folder.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("find the repository: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("find the repository: no go.mod above the test's folder")
		}
		dir = parent
	}
}

// Program returns a program of the project, built from the sources as they are now. MILLRACE_BIN names a folder with
// programs that were built already (`go tool task test` does), which saves the time to link them.
func Program(t testing.TB, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if path, ok := built.paths[name]; ok {
		return path
	}
	path, err := provide(Root(t), name)
	if err != nil {
		t.Fatal(err)
	}
	if built.paths == nil {
		built.paths = map[string]string{}
	}
	built.paths[name] = path
	return path
}

// programOf is a program of another release in a folder, or if that is empty the project's own.
func programOf(t testing.TB, dir, name string) string {
	t.Helper()
	if dir == "" {
		return Program(t, name)
	}
	return filepath.Join(dir, name)
}

func provide(root, name string) (string, error) {
	if dir := os.Getenv("MILLRACE_BIN"); dir != "" {
		path := filepath.Join(fromRoot(root, dir), name)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("find a program in MILLRACE_BIN: %w: build it with `go tool task build`", err)
		}
		return path, nil
	}
	return compile(root, name, packages[name])
}

// NATSServer returns nats-server's own program, of the version that the stack embeds.
func NATSServer(t testing.TB) string {
	t.Helper()
	path, err := compile(Root(t), "nats-server", "github.com/nats-io/nats-server/v2")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// compile builds a program from its package, unless what an earlier test built is up to date.
func compile(root, name, from string) (string, error) {
	dir, err := cacheDir(root)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	// Test processes of several packages run side by side; go build leaves an up-to-date program as it is.
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("wait for another test's build of %s: %w", name, err)
	}
	defer func() { _ = lock.Close() }()
	build := exec.Command("go", "build", "-o", path, from)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// fromRoot makes a path absolute that is relative to the repository: tests run in their packages' folders.
func fromRoot(root, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

// cacheDir lies outside the repository, and is another one for each clone of it.
func cacheDir(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for the programs under test: %w", err)
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(cache, "millrace", "tests-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for the programs under test: %w", err)
	}
	return dir, nil
}

// MinIO returns MinIO's program: the one MILLRACE_MINIO names, else .bin/minio, which is built when it is not there.
func MinIO(t testing.TB) string {
	t.Helper()
	root := Root(t)
	path, build, err := minio.Locate(fromRoot(root, os.Getenv("MILLRACE_MINIO")), filepath.Join(root, ".bin", "minio"))
	if err != nil {
		t.Fatal(err)
	}
	if !build {
		return path
	}
	t.Logf("building MinIO into %s; `go tool task test` does it beforehand and shows progress", path)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	if err := minio.Build(ctx, path, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	return path
}
