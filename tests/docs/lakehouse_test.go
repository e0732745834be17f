package docs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/home"
)

// patience bounds a block of commands: it is far beyond what any of them takes.
const patience = 3 * time.Minute

// describeProgram returns what a program says of itself.
func describeProgram(t *testing.T, name string) (stdout string, code int) {
	t.Helper()
	r := harness.RunProgram(t, home.CleanEnvironment(), name, "--describe")
	return r.Stdout, r.Code
}

// folder is what a reader of the documents has before them: programs in .bin, a running lakehouse in .millrace.
type folder struct {
	dir    string
	env    []string
	banner string // what the stack printed at its start
}

// lakehouse starts a stack of the test's own, with some weeks of history in it.
func lakehouse(t *testing.T) folder {
	t.Helper()
	s := harness.Start(t)
	// The stack is ready a moment before it has printed: a busy machine read nothing.
	harness.Eventually(t, "up prints what runs", func() bool { return strings.Contains(s.Process().Stdout(), "In another terminal") })
	f := folder{dir: t.TempDir(), env: home.CleanEnvironment(), banner: s.Process().Stdout()}
	bin := filepath.Join(f.dir, ".bin")
	if err := errors.Join(os.Mkdir(bin, 0o755), os.Symlink(s.Home, filepath.Join(f.dir, ".millrace"))); err != nil {
		t.Fatalf("set up a reader's folder: %v", err)
	}
	for _, name := range []string{"ingestor", "reactor", "stack"} {
		if err := os.Symlink(harness.Program(t, name), filepath.Join(bin, name)); err != nil {
			t.Fatalf("set up a reader's folder: %v", err)
		}
	}
	from := time.Now().UTC().AddDate(0, 0, -40).Format(time.DateOnly)
	if out, err := f.run(t, ".bin/ingestor history --top 3 --from "+from); err != nil {
		t.Fatalf("land some history: %v\n%s", err, out)
	}
	return f
}

// run runs a script as a reader would paste it, and fails at the first command that fails.
func (f folder) run(t *testing.T, script string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = f.dir, f.env
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}
