//go:build interop

package interop_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/infra/process"
	"millrace/tests/harness"
	"millrace/tests/harness/buffer"
	"millrace/tests/harness/home"
)

// venv is where `go tool task interop:install` puts the engines, from the repository's root.
const venv = ".venv-interop"

// engine is a program of other people's that reads and writes Iceberg.
type engine struct {
	name    string // as docs/interop.md has it
	program string // the file in engines/ that drives it
	extra   string // a folder in venv with what its Python needs more; one Spark would shadow the other in the venv itself
}

var (
	spark35   = engine{"Spark 3.5, Iceberg 1.10", "spark", "spark35"}
	spark41   = engine{"Spark 4.1, Iceberg 1.11", "spark", "spark41"}
	pyiceberg = engine{"PyIceberg 0.12", "iceberg", ""}
)

// session is an engine that runs: Python that has run a block of docs/interop.md and answers calls about what the block made.
type session struct {
	engine
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan answer
	log     buffer.Locked
}

// answer is a line that engines/session.py prints.
type answer struct {
	Answer json.RawMessage
	Error  string
}

// open runs a block of docs/interop.md in a role's environment, and keeps what the block made until the test ends.
func (e engine) open(t *testing.T, l *harness.Lake, role, block string) *session {
	t.Helper()
	root := harness.Root(t)
	file := filepath.Join(t.TempDir(), block+".py")
	if err := os.WriteFile(file, []byte(blockOf(t, block)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &session{engine: e, answers: make(chan answer)}
	s.cmd = exec.Command(filepath.Join(root, venv, "bin", "python"), "-m", "engines.session", e.program, file)
	s.cmd.Dir = t.TempDir() // Spark leaves folders where it is started
	paths := filepath.Join(root, "tests", "interop")
	if e.extra != "" {
		paths += string(os.PathListSeparator) + filepath.Join(root, venv, e.extra)
	}
	s.cmd.Env = append(exports(t, l, role), "PYTHONPATH="+paths, "PYTHONDONTWRITEBYTECODE=1", "TZ=UTC", "SPARK_LOCAL_IP=127.0.0.1",
		"SPARK_CONF_DIR="+filepath.Join(root, "tests", "interop", "spark"), "PYSPARK_SUBMIT_ARGS=--conf spark.jars.ivy="+filepath.Join(root, venv, "ivy")+" pyspark-shell")
	s.cmd.SysProcAttr, s.cmd.Stderr = process.Attributes(), &s.log
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.launch(t, out)
	if _, err := s.next(); err != nil {
		t.Fatalf("%s runs the block %s of docs/interop.md: %v\n%s", e.name, block, err, s.tail())
	}
	return s
}

var export = regexp.MustCompile(`(?m)^export ([A-Z0-9_]+)='(.*)'$`)

// exports is the environment of a shell that has taken over what `stack env` prints for a role.
func exports(t *testing.T, l *harness.Lake, role string) []string {
	t.Helper()
	env := home.CleanEnvironment()
	r := harness.RunProgram(t, env, "stack", "env", "--home", l.Home, "--role", role)
	lines := export.FindAllStringSubmatch(r.Stdout, -1)
	if r.Code != 0 || len(lines) == 0 {
		t.Fatalf("stack env --role %s: %s", role, r)
	}
	for _, m := range lines {
		env = append(env, m[1]+"="+m[2])
	}
	return env
}

func (s *session) launch(t *testing.T, out io.Reader) {
	t.Helper()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ends the engine when the thread that started it ends
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.listen(out)
			_ = s.cmd.Wait() // it was killed, or has said why it ended
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v; `go tool task interop:install` installs the engines", s.name, err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
}

func (s *session) listen(out io.Reader) {
	defer close(s.answers)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			a.Error = fmt.Sprintf("%s answers %q", s.name, lines.Text())
		}
		s.answers <- a
	}
}

// answerWithin bounds the wait for an answer. A JVM on a machine that is busy with other things needs minutes to start.
const answerWithin = 3 * harness.Patience

func (s *session) next() (json.RawMessage, error) {
	select {
	case a, ok := <-s.answers:
		if !ok {
			return nil, errors.New("it ended")
		}
		if a.Error != "" {
			return nil, errors.New(a.Error)
		}
		return a.Answer, nil
	case <-time.After(answerWithin):
		return nil, fmt.Errorf("no answer within %s", answerWithin)
	}
}

// with names the arguments of a call.
type with = map[string]any

// try calls a function of the engine's file.
func (s *session) try(call string, arguments with) (json.RawMessage, error) {
	text, err := json.Marshal(map[string]any{"call": call, "with": arguments})
	if err != nil {
		return nil, err
	}
	if _, err := s.in.Write(append(text, '\n')); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.next()
}

// do calls a function that must work.
func (s *session) do(t *testing.T, call string, arguments with) json.RawMessage {
	t.Helper()
	answer, err := s.try(call, arguments)
	if err != nil {
		t.Fatalf("%s: %s %v: %v\n%s", s.name, call, arguments, err, s.tail())
	}
	return answer
}

// conflicts is how Iceberg's engines say that another writer's commit came first.
var conflicts = []string{"CommitFailedException", "ValidationException", "CommitConflict", "concurrently modified", "TransactionContext Error"}

// write calls a function that commits, and calls it again when another writer came first, as users do: the reactor commits all the time.
func (s *session) write(t *testing.T, call string, arguments with) {
	t.Helper()
	const tries = 8
	for n := 1; ; n++ {
		_, err := s.try(call, arguments)
		if err == nil {
			return
		}
		conflict := slices.ContainsFunc(conflicts, func(text string) bool { return strings.Contains(err.Error(), text) })
		if !conflict || n == tries {
			t.Fatalf("%s: %s %v, try %d: %v\n%s", s.name, call, arguments, n, err, s.tail())
		}
	}
}

// sql runs a statement of Spark's that must work.
func (s *session) sql(t *testing.T, text string) {
	t.Helper()
	s.write(t, "sql", with{"text": text})
}

// tail is the end of what the engine has said.
func (s *session) tail() string {
	text := s.log.String()
	return text[max(0, len(text)-6000):]
}
