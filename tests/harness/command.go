package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// roleOf is whose credentials a program runs with.
var roleOf = map[string]string{"stack": "owner", "ingestor": "ingestor", "reactor": "reactor"}

// Vars are the variables that the stack gives a role.
func (l *Lake) Vars(t testing.TB, role string) map[string]string {
	t.Helper()
	vars, err := l.dir().Vars(role)
	if err != nil {
		t.Fatalf("read the environment of role %s: %v", role, err)
	}
	return vars
}

// Env is a whole environment for a program of that role.
func (l *Lake) Env(t testing.TB, role string) []string {
	t.Helper()
	env, err := l.dir().Env(role)
	if err != nil {
		t.Fatalf("read the environment of role %s: %v", role, err)
	}
	return env
}

// Run runs a program (stack, ingestor, reactor) as its role and returns how it ended; the test judges that.
func (l *Lake) Run(t testing.TB, program string, args ...string) Result {
	t.Helper()
	return l.RunEnv(t, nil, program, args...)
}

// RunEnv is Run with more variables, NAME=value.
func (l *Lake) RunEnv(t testing.TB, env []string, program string, args ...string) Result {
	t.Helper()
	return runWithin(t, Patience, append(l.Env(t, roleOf[program]), env...), programOf(t, l.programs, program), args...)
}

// Shell runs a line of commands by a shell in which the programs can be found, as somebody does who copies what a program prints. It
// has the environment of a role, and more variables, NAME=value.
func (l *Lake) Shell(t testing.TB, role, line string, env ...string) Result {
	t.Helper()
	folder := filepath.Dir(Program(t, "reactor"))
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(append(l.Env(t, role), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH")), env...)
	cmd.Dir = t.TempDir()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %q by a shell: %v", line, err)
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// RunWithin is Run for a command of the reactor's that may take longer than Patience.
func (l *Lake) RunWithin(t testing.TB, limit time.Duration, args ...string) Result {
	t.Helper()
	return runWithin(t, limit, l.Env(t, roleOf["reactor"]), programOf(t, l.programs, "reactor"), args...)
}

// Reactor runs a command of the reactor that has to succeed, and returns what it prints.
func (l *Lake) Reactor(t testing.TB, args ...string) string {
	t.Helper()
	r := l.Run(t, "reactor", args...)
	if r.Code != 0 {
		t.Fatalf("reactor %s: %s", strings.Join(args, " "), r)
	}
	return r.Stdout
}

// lake runs commands of the reactor: a Lake, or what embeds one.
type lake interface {
	Reactor(t testing.TB, args ...string) string
}

// Rows reads what a command of the reactor prints as JSON.
func Rows[T any](t testing.TB, l lake, args ...string) []T {
	t.Helper()
	text := l.Reactor(t, append(args, "--output", "json")...)
	var out []T
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("reactor %s prints no JSON: %v\n%s", strings.Join(args, " "), err, text)
	}
	return out
}

// Query reads the rows of a query. Columns that are decimals belong into a json.Number, which keeps all digits.
func Query[T any](t testing.TB, l lake, sql string, flags ...string) []T {
	t.Helper()
	return Rows[T](t, l, append([]string{"query", sql}, flags...)...)
}

// CSV is the answer to a query as text.
func (l *Lake) CSV(t testing.TB, sql string) string {
	t.Helper()
	return l.Reactor(t, "query", sql, "--output", "csv")
}

// Count is the one number that a query gives.
func (l *Lake) Count(t testing.TB, sql string, flags ...string) int {
	t.Helper()
	got := Query[map[string]int](t, l, sql, flags...)
	if len(got) != 1 || len(got[0]) != 1 {
		t.Fatalf("%s gives no single number: %v", sql, got)
	}
	for _, n := range got[0] {
		return n
	}
	return 0
}
