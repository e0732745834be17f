package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"millrace/infra/minio"
	"millrace/infra/process"
)

// run runs a program of the project to its end, with the role's credentials. Its logs and progress go to the stack's stderr.
// For what the user is to see, pass os.Stdout itself, so that the program sees the terminal and its width.
func (s *stack) run(ctx context.Context, role, program string, stdout io.Writer, args ...string) error {
	env, err := s.home.roleEnvironment(role)
	if err != nil {
		return err
	}
	if role == minio.UserIngestor && s.options.Key != "" {
		env = append(env, "COINCAP_API_KEY="+s.options.Key.Reveal()) // it may have come by flag
	}
	cmd := exec.CommandContext(ctx, program, append(slices.Clone(args), "--home", string(s.home))...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, stdout, os.Stderr
	cmd.SysProcAttr = process.Attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	runtime.LockOSThread() // the parent-death signal is tied to this thread
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("run `%s %s`: %w", filepath.Base(program), strings.Join(firstFew(args), " "), err)
	}
	return nil
}

// rows runs a program that prints JSON, and decodes that into rows, a pointer to a slice. Rows that were printed before a
// failure are decoded as well.
func (s *stack) rows(ctx context.Context, role, program string, rows any, args ...string) error {
	var out bytes.Buffer
	failed := s.run(ctx, role, program, &out, append(args, "--output", "json")...)
	if failed != nil && out.Len() == 0 {
		return failed
	}
	if err := json.Unmarshal(out.Bytes(), rows); err != nil && failed == nil {
		return fmt.Errorf("read what `%s %s` printed: %w", filepath.Base(program), strings.Join(firstFew(args), " "), err)
	}
	return failed
}

// firstFew shortens arguments for an error: a command may have five hundred keys.
func firstFew(args []string) []string {
	const few = 6
	if len(args) <= few {
		return args
	}
	return append(append([]string{}, args[:few]...), "…")
}
