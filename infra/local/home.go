package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// home is the folder that holds all state. Its path is absolute, because children run in other folders, and MinIO refuses a
// relative path for its queue.
type home string

func openHome(dir string) (home, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the home folder %s: %w", dir, err)
	}
	return home(abs), nil
}

func (h home) path(elements ...string) string {
	return filepath.Join(append([]string{string(h)}, elements...)...)
}

func (h home) lockFile() string        { return h.path("stack.lock") }
func (h home) credentialsFile() string { return h.path("credentials.json") }
func (h home) readyFile() string       { return h.path("ready") }
func (h home) ingestFile() string      { return h.path("first-ingest.json") }

// httpAddrFile is the file into which the reactor writes the address that it listens on.
func (h home) httpAddrFile() string { return h.path("http.addr") }

// simulatorFile remembers the simulator's address, so that it is the same at the next start.
func (h home) simulatorFile() string { return h.path("simulator.addr") }

// pidFile holds the process id of a child, for people who want to look at it.
func (h home) pidFile(child string) string { return h.path(child + ".pid") }

func (h home) logFile(child string) string { return h.path("log", child+".log") }

// lock makes the folder and takes it for this process. The system releases the lock when the process ends, however it ends.
func (h home) lock(ctx context.Context) (release func(), err error) {
	if err := os.MkdirAll(string(h), 0o700); err != nil {
		return nil, fmt.Errorf("make the home folder: %w", err)
	}
	lock := flock.New(h.lockFile(), flock.SetPermissions(0o600))
	// `stack status` takes the lock for a moment to look at it: wait that long, or it would look like another stack.
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	held, err := lock.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock the home folder %s: %w", h, err)
	}
	if !held {
		return nil, fmt.Errorf("the home folder %s is in use by another stack%s: stop that one, or choose another folder with --home or MILLRACE_HOME",
			h, h.holder())
	}
	if err := os.WriteFile(h.lockFile(), fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock the home folder %s: %w", h, err)
	}
	return func() { _ = lock.Close() }, nil
}

// holder returns the process that wrote itself into the lock, as text for an error.
func (h home) holder() string {
	text, err := os.ReadFile(h.lockFile())
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}

// locked reports whether a stack runs on this folder.
func (h home) locked() (bool, error) {
	if _, err := os.Stat(h.lockFile()); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	// The lock is shared and the file opened read-only, so that looking neither makes nor changes it.
	lock := flock.New(h.lockFile(), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of the home folder %s: %w", h, err)
	}
	if free {
		_ = lock.Close()
	}
	return !free, nil
}
