// Package minio runs MinIO as a child of the stack: builds its program once, starts it so that no acknowledged put loses
// its event, and gives it the bucket, users, policies and notification rules that the lakehouse needs.
package minio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Module and Version pin the program. It is MinIO's last commit; upstream is archived. It is built and run as a program
// of its own and never linked: MinIO is AGPL, millrace is not.
const (
	Module  = "github.com/minio/minio"
	Version = "v0.0.0-20260212201848-7aac2a2c5b7c"
)

// packages is about how many the build compiles on an empty cache: the whole of the progress it reports.
const packages = 1180

// Build makes the program at path, unless it is there already; an existing one is never replaced and needs no network.
// Several may call it at once: one builds, the others wait for it. progress is told how many of about total packages
// are compiled.
func Build(ctx context.Context, path string, progress func(compiled, total int)) error {
	if exists(path) {
		return nil
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for MinIO's program: %w", err)
	}
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("wait for the build of MinIO that holds %s.lock: %w", path, err)
	}
	defer func() { _ = lock.Close() }()
	if exists(path) { // somebody else built it meanwhile
		return nil
	}
	temp, err := os.MkdirTemp(dir, ".minio-build-")
	if err != nil {
		return fmt.Errorf("make a folder to build MinIO in: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	if err := install(ctx, temp, progress); err != nil {
		return err
	}
	// The rename is what makes it exist: an interrupted build leaves nothing that looks finished.
	if err := os.Rename(filepath.Join(temp, "minio"), path); err != nil {
		return fmt.Errorf("put MinIO's program in place: %w", err)
	}
	return nil
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// install runs go install into dir and counts the packages that -v names on stderr.
func install(ctx context.Context, dir string, progress func(compiled, total int)) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("MinIO's program is built with Go, which is not on the PATH: %w", err)
	}
	cmd := exec.CommandContext(ctx, goTool, "install", "-v", "-ldflags=-s -w", Module+"@"+Version)
	// GOFLAGS of the caller's project (-mod=vendor, tags) do not fit another module. All else stays as for the project's own
	// programs, so that what both need is compiled once.
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=")
	cmd.Dir = dir
	out, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("build MinIO: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build MinIO: %w", err)
	}
	said := follow(out, progress)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("build MinIO: %w", context.Cause(ctx))
		}
		return fmt.Errorf("build MinIO with `go install %s@%s`: %w\n%s\nThe first build downloads its sources from Go's module proxy: "+
			"check the network, or give a program of your own with --minio", Module, Version, err, strings.Join(said, "\n"))
	}
	return nil
}

// follow counts lines that are package paths and returns the last others, which are the errors.
func follow(out io.Reader, progress func(compiled, total int)) []string {
	var said []string
	compiled := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.ContainsAny(line, " \t:") {
			if !strings.HasPrefix(line, "go: downloading ") {
				said = append(said, line)
			}
			continue
		}
		compiled++
		progress(compiled, max(compiled, packages))
	}
	_, _ = io.Copy(io.Discard, out) // a line too long for the scanner must not block the compiler
	if len(said) > 20 {
		said = said[len(said)-20:]
	}
	return said
}

// Locate returns the program to run: the one that was asked for, which must exist, or else beside, which Build makes.
func Locate(asked, beside string) (path string, build bool, err error) {
	if asked == "" {
		return beside, !exists(beside), nil
	}
	if _, err := os.Stat(asked); errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("MinIO's program %s (--minio, MILLRACE_MINIO) does not exist", asked)
	}
	if !exists(asked) {
		return "", false, fmt.Errorf("MinIO's program %s (--minio, MILLRACE_MINIO) is not an executable file", asked)
	}
	return asked, false, nil
}
