package harness

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"millrace/infra/process"
	"millrace/tests/harness/home"
	"millrace/tests/harness/metrics"
)

// Reactor is one that the test runs itself, beside or in place of the stack's own.
type Reactor struct {
	*Process
	Addr string // host:port
}

// StartReactor runs a reactor and returns when it is ready. Kill is its sudden death, Stop its orderly end. When the test
// fails, it shows what the reactor logged.
func (l *Lake) StartReactor(t testing.TB, env ...string) *Reactor {
	t.Helper()
	r := l.launchReactor(t, env)
	r.await(t, "the reactor is ready", func() bool { return home.ReactorReady(t.Context(), r.Addr) == nil })
	return r
}

// StartUnready is StartReactor for a lake that lacks something: it returns when the reactor answers.
func (l *Lake) StartUnready(t testing.TB, env ...string) *Reactor {
	t.Helper()
	r := l.launchReactor(t, env)
	r.await(t, "the reactor answers", func() bool { return home.ReactorAnswers(t.Context(), r.Addr) })
	return r
}

func (l *Lake) launchReactor(t testing.TB, env []string) *Reactor {
	t.Helper()
	r := &Reactor{Addr: FreeAddress(t)} // not port 0: two reactors would write their address into one file
	r.Process = Launch(t, append(append(l.Env(t, "reactor"), "MILLRACE_HTTP_ADDR="+r.Addr), env...), "reactor", "run")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of reactor %d: %s", r.PID(), r.Stderr())
		}
	})
	return r
}

func (r *Reactor) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Eventually(t, what, func() bool {
		if r.Ended() {
			t.Fatalf("the reactor ended before it was ready: %s", r.result())
		}
		return ok()
	})
}

// StopInOrder stops the reactor and fails the test when it does not end well.
func (r *Reactor) StopInOrder(t testing.TB) {
	t.Helper()
	if end := r.Stop(t); end.Code != 0 {
		t.Fatalf("the reactor did not stop in order: %s", end)
	}
}

// FreePort is a port of 127.0.0.1 at which nobody listens.
func FreePort(t testing.TB) int {
	t.Helper()
	n, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// FreeAddress is a host:port at which nobody listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", FreePort(t))
}

// Metrics reads /metrics of host:port: by name{label=value,…}, histograms by their count.
func Metrics(t testing.TB, addr string) map[string]float64 {
	t.Helper()
	families, err := metrics.Scrape(t.Context(), "http://"+addr+"/metrics", "")
	if err != nil {
		t.Fatal(err)
	}
	return families.Values()
}

// Get reads what a server answers.
func Get(t testing.TB, url string) (code int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read %s: %v", url, err)
	}
	return response.StatusCode, string(text)
}
