package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/infra/process"
	"millrace/tests/harness"
)

// line is a network connection that can be cut, frozen and slowed down: a Toxiproxy of its own, told over HTTP what to do.
type line struct {
	control string // the address that takes orders
	listen  string // the address that takes connections
}

// toxiproxy builds the program, which tests/tools pins, unless Go's cache has it, and returns its path.
var toxiproxy = sync.OnceValues(func() (string, error) {
	find := exec.Command("go", "tool", "-n", "github.com/Shopify/toxiproxy/v2/cmd/server")
	find.Dir = filepath.Join("..", "tools")
	var said bytes.Buffer
	find.Stderr = &said
	path, err := find.Output()
	if err != nil {
		return "", fmt.Errorf("build Toxiproxy in tests/tools: %w\n%s", err, &said)
	}
	return strings.TrimSpace(string(path)), nil
})

func newLine(t testing.TB, to int) *line {
	t.Helper()
	program, err := toxiproxy()
	if err != nil {
		t.Fatal(err)
	}
	port := harness.FreePort(t)
	l := &line{control: fmt.Sprintf("http://127.0.0.1:%d", port), listen: fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))}
	proxy, err := process.Start(t.Context(), process.Spec{
		Name: "toxiproxy",
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(program, "-host", "127.0.0.1", "-port", fmt.Sprint(port))
			cmd.Env = append(os.Environ(), "LOG_LEVEL=warn") // else a line for each connection
			return cmd, nil
		},
		Ready: func(ctx context.Context) error {
			return l.ask(ctx, http.MethodGet, "/version", "")
		},
		ReadyWithin: 30 * time.Second,
		Grace:       time.Second,
		LogFile:     filepath.Join(t.TempDir(), "toxiproxy.log"),
		Log:         slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	l.order(t, http.MethodPost, "/proxies", fmt.Sprintf(`{"name":"line","listen":%q,"upstream":"127.0.0.1:%d"}`, l.listen, to))
	return l
}

func (l *line) address() string { return l.listen }

// cut closes all connections and refuses new ones.
func (l *line) cut(t testing.TB) {
	t.Helper()
	l.order(t, http.MethodPatch, "/proxies/line", `{"enabled":false}`)
}

// mend takes connections again.
func (l *line) mend(t testing.TB) {
	t.Helper()
	l.order(t, http.MethodPatch, "/proxies/line", `{"enabled":true}`)
}

// freeze lets connections stand, but nothing comes through: a cable that was pulled.
func (l *line) freeze(t testing.TB) {
	t.Helper()
	l.toxic(t, `{"name":"freeze-up","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`)
	l.toxic(t, `{"name":"freeze-down","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`)
}

// slow adds a delay to each direction, in ms, and bounds the rate, in KB/s.
func (l *line) slow(t testing.TB, ms, rate int) {
	t.Helper()
	for _, s := range []string{"upstream", "downstream"} {
		l.toxic(t, fmt.Sprintf(`{"name":"late-%s","type":"latency","stream":%q,"attributes":{"latency":%d,"jitter":%d}}`, s, s, ms, ms/2))
		l.toxic(t, fmt.Sprintf(`{"name":"narrow-%s","type":"bandwidth","stream":%q,"attributes":{"rate":%d}}`, s, s, rate))
	}
}

func (l *line) toxic(t testing.TB, text string) {
	t.Helper()
	l.order(t, http.MethodPost, "/proxies/line/toxics", text)
}

// clear ends freeze and slow.
func (l *line) clear(t testing.TB) {
	t.Helper()
	l.order(t, http.MethodPost, "/reset", "")
}

// order fails the test when Toxiproxy does not do what it is told.
func (l *line) order(t testing.TB, method, path, body string) {
	t.Helper()
	if err := l.ask(t.Context(), method, path, body); err != nil {
		t.Fatalf("disturb the line %s: %v", l.listen, err)
	}
}

func (l *line) ask(ctx context.Context, method, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, l.control+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: Toxiproxy says %s: %s", method, path, response.Status, answer)
	}
	return err
}

// A line cuts, freezes and slows connections, as the faults need it.
func TestLine(t *testing.T) {
	l := newLine(t, echo(t))
	const plenty = 10 * time.Second
	passes := func(when string) {
		t.Helper()
		if _, err := l.round(plenty); err != nil {
			t.Errorf("%s, nothing comes through: %v", when, err)
		}
	}
	passes("at first")
	standing, err := net.Dial("tcp", l.address())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = standing.Close() }()
	l.cut(t)
	if _, err := l.round(plenty); err == nil {
		t.Error("a line that is cut takes connections")
	}
	_ = standing.SetDeadline(time.Now().Add(plenty))
	if _, err := standing.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection outlives the cut: %v", err)
	}
	l.mend(t)
	passes("after it was mended")
	l.freeze(t)
	if _, err := l.round(200 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over a frozen line: %v, want silence", err)
	}
	l.clear(t)
	passes("after the freeze")
	l.slow(t, 100, 200)
	if took, err := l.round(plenty); err != nil || took < 100*time.Millisecond {
		t.Errorf("a slow line, 50 to 150 ms each way, took %s: %v", took, err)
	}
	l.clear(t)
	passes("after it was slow")
}

// echo starts a server that sends back whatever it gets, and returns its port.
func echo(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// round sends a byte to an echo over a new connection and waits for it to come back.
func (l *line) round(patience time.Duration) (time.Duration, error) {
	began := time.Now()
	conn, err := net.DialTimeout("tcp", l.address(), patience)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(began.Add(patience))
	if _, err := conn.Write([]byte("x")); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return time.Since(began), err
}
