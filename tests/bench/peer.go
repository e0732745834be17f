package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The peers' programs and what they run with lie here, below the repository's root. `go tool task bench:peers` installs them.
const (
	peersFolder = "tests/bench"
	peersPython = ".venv-peers/bin/python"
	peersJars   = ".venv-peers/jars"
)

// peer is what a user would run in place of millrace. It has a catalog of its own. Its tables are in the same bucket, in a folder that no
// rule of events and no reactor looks at.
type peer struct {
	name, module string
}

var peers = []peer{{"DuckDB", "peers.duck"}, {"PyIceberg", "peers.iceberg"}, spark}

var spark = peer{"PySpark", "peers.spark"}

// id is the peer's name in flags, files and figures.
func (p peer) id() string                  { return strings.ToLower(p.name) }
func (p peer) folder() string              { return "peers/" + p.id() }
func (p peer) catalog(l *lakehouse) string { return filepath.Join(l.home, p.id()+".db") }
func (p peer) log(l *lakehouse) string     { return l.log(p.id()) }

// chosen are the peers that --peers names.
func (b *bench) chosen() (list []peer) {
	for _, p := range peers {
		if slices.Contains(b.Peers, p.id()) {
			list = append(list, p)
		}
	}
	return list
}

// answer is a line that a peer prints; see tests/bench/peers/serve.py.
type answer struct {
	Ready    bool     `json:"ready"`
	Watching bool     `json:"watching"`
	Stopped  bool     `json:"stopped"`
	Keys     []string `json:"keys"`
	SilverUS int64    `json:"silver_us"`
	GoldUS   int64    `json:"gold_us"`
}

func (a answer) gold() time.Time { return time.UnixMicro(a.GoldUS) }

// session is a running peer.
type session struct {
	peer    peer
	logFile string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan answer
	ended   error // why there are no more answers; read after the channel is closed
	started time.Time
}

// python makes a command of the peers' own Python, with the owner's environment.
func (l *lakehouse) python(args ...string) (*exec.Cmd, error) {
	env, err := l.dir().Env("owner")
	if err != nil {
		return nil, err
	}
	var paths [3]string
	for i, path := range []string{peersPython, peersJars, peersFolder} {
		if paths[i], err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("find %s: %w", path, err)
		}
	}
	cmd := exec.Command(paths[0], args...)
	cmd.Dir = l.home // Spark leaves folders where it is started
	cmd.Env = append(env, "PEERS_JARS="+paths[1], "PYTHONPATH="+paths[2], "PYTHONDONTWRITEBYTECODE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the JVM is of its group
	return cmd, nil
}

// session starts a peer and returns at once, because a cold run includes the time to get ready.
func (l *lakehouse) session(p peer) (*session, error) {
	cmd, err := l.python("-m", p.module, "--catalog", p.catalog(l), "--folder", p.folder())
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log(l), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stderr = log
	s := &session{peer: p, logFile: p.log(l), cmd: cmd, answers: make(chan answer, 1000)}
	if s.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("talk to %s: %w", p.name, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("listen to %s: %w", p.name, err)
	}
	s.started = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go s.listen(out)
	return s, nil
}

func (s *session) listen(out io.Reader) {
	defer close(s.answers)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 10<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			s.ended = fmt.Errorf("%s answered %q: %w", s.peer.name, lines.Text(), err)
			return
		}
		s.answers <- a
	}
	s.ended = fmt.Errorf("%s ended:\n%s", s.peer.name, tail(s.logFile))
}

// tail reads the end of a log.
func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// next waits for the next answer that is wanted, and drops the others.
func (s *session) next(ctx context.Context, wanted func(answer) bool) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case a, ok := <-s.answers:
			if !ok {
				return a, s.ended
			}
			if wanted(a) {
				return a, nil
			}
		case <-ctx.Done():
			return answer{}, fmt.Errorf("wait for %s: %w\n%s", s.peer.name, context.Cause(ctx), tail(s.logFile))
		}
	}
}

// tell sends a command.
func (s *session) tell(command map[string]any) error {
	text, err := json.Marshal(command)
	if err == nil {
		_, err = s.in.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("tell %s what to do: %w", s.peer.name, err)
	}
	return nil
}

// do sends a command and waits for the answer that says when its rows were in gold.
func (s *session) do(ctx context.Context, command map[string]any) (answer, error) {
	if err := s.tell(command); err != nil {
		return answer{}, err
	}
	return s.next(ctx, func(a answer) bool { return a.GoldUS > 0 })
}

func isReady(a answer) bool    { return a.Ready }
func isWatching(a answer) bool { return a.Watching }
func isStopped(a answer) bool  { return a.Stopped }

// holds wants an answer that tells of the object.
func holds(o object) func(answer) bool {
	return func(a answer) bool { return slices.Contains(a.Keys, o.key.String()) }
}

// family names the session's processes: Python, and the JVM that it starts.
func (s *session) family() family { return family{roots: []int{s.cmd.Process.Pid}, children: true} }

// close ends the session in order, and kills what does not end.
func (s *session) close() error {
	err := s.in.Close()
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case failure := <-ended:
		if failure != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w\n%s", s.peer.name, failure, tail(s.logFile)))
		}
	case <-time.After(30 * time.Second):
		err = errors.Join(err, fmt.Errorf("%s does not end", s.peer.name), syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL), <-ended)
	}
	return err
}
