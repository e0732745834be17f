package health

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func serve(t *testing.T, parts func(context.Context) []Part) string {
	t.Helper()
	return serveWith(t, parts, nil)
}

func serveWith(t *testing.T, parts func(context.Context) []Part, routes map[string]Route) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "millrace_test_total", Help: "One."}), twice{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&Server{Parts: parts, Registry: registry, Routes: routes}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// twice gives one figure two times, which Prometheus' library refuses.
type twice struct{}

func (twice) Describe(out chan<- *prometheus.Desc) {
	out <- prometheus.NewDesc("millrace_twice", "Two.", nil, nil)
}

func (t twice) Collect(out chan<- prometheus.Metric) {
	descs := make(chan *prometheus.Desc, 1)
	t.Describe(descs)
	d := <-descs
	for range 2 {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, 1)
	}
}

func get(t *testing.T, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestReadySaysWhyNot(t *testing.T) {
	url := serve(t, func(ctx context.Context) []Part {
		return Ask(ctx, map[string]func(context.Context) error{
			"nats":    func(context.Context) error { return errors.New("no servers available") },
			"catalog": func(context.Context) error { return nil },
		})
	})
	const want = `{"parts":[{"name":"catalog","ready":true},{"name":"nats","ready":false,"reason":"no servers available"}],"ready":false}`
	if code, body := get(t, url+"/readyz", nil); code != 503 || strings.TrimSpace(body) != want {
		t.Errorf("readyz answered %d %q, want %q", code, body, want)
	}
	if code, body := get(t, url+"/healthz", nil); code != 200 || !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("healthz answered %d %q while not ready", code, body)
	}
}

func TestMetricsAreShown(t *testing.T) {
	url := serve(t, func(context.Context) []Part { return nil })
	if code, body := get(t, url+"/metrics", nil); code != 200 || !strings.Contains(body, "millrace_test_total 0") {
		t.Errorf("metrics answered %d %q", code, body)
	}
}

func TestOtherHostsAndOriginsAreRefused(t *testing.T) {
	url := serve(t, func(context.Context) []Part { return nil })
	for name, change := range map[string]func(*http.Request){
		"a rebound name": func(r *http.Request) { r.Host = "evil.example:8088" },
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
	} {
		if code, _ := get(t, url+"/metrics", change); code != 403 {
			t.Errorf("%s: answered %d, want 403", name, code)
		}
	}
	if code, _ := get(t, url+"/readyz", func(r *http.Request) { r.Host = "localhost" }); code != 200 {
		t.Errorf("localhost: answered %d, want 200", code)
	}
}

// What is mounted beside is held to the same rules.
func TestARoutesRequestsAreLimited(t *testing.T) {
	var read atomic.Int64
	url := serveWith(t, func(context.Context) []Part { return nil }, map[string]Route{"/more/": {MaxBody: 1 << 20, Patience: 300 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			read.Store(n)
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			} else if err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		})}})
	send := func(body io.Reader, change func(*http.Request)) (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/more/x", body)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	zeros := func(n int64) io.Reader { return io.LimitReader(zero{}, n) }
	declared := func(n int64) func(*http.Request) { return func(r *http.Request) { r.ContentLength = n } }
	for _, tt := range []struct {
		what   string
		body   io.Reader
		change func(*http.Request)
		want   int
		read   int64
	}{
		{"all that is allowed", zeros(1 << 20), declared(1 << 20), 200, 1 << 20},
		{"one byte more, declared", zeros(1<<20 + 1), declared(1<<20 + 1), 413, 0},
		{"one byte more, in chunks", zeros(1<<20 + 1), nil, 413, 1 << 20},
		{"a rebound name", nil, func(r *http.Request) { r.Host = "evil.example" }, 403, 0},
		{"another origin", nil, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, 0},
		{"no origin to speak of", nil, func(r *http.Request) { r.Header.Set("Origin", "null") }, 403, 0},
		{"its own origin", nil, func(r *http.Request) { r.Header.Set("Origin", url) }, 200, 0},
	} {
		read.Store(0)
		code, err := send(tt.body, tt.change)
		if code != tt.want || err != nil || read.Load() != tt.read {
			t.Errorf("%s: answered %d, %v, after %d bytes; want %d after %d", tt.what, code, err, read.Load(), tt.want, tt.read)
		}
	}
	slow, w := io.Pipe()
	defer func() { _ = w.Close() }()
	began := time.Now()
	if code, err := send(slow, nil); code == 200 {
		t.Errorf("a body that never ends: %d, %v", code, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a body that never ends took %s", took)
	}
}

// A console that is mounted at / does not take the methods that these do not have.
func TestWhatIsOnlyReadSaysSo(t *testing.T) {
	url := serveWith(t, func(context.Context) []Part { return nil }, map[string]Route{"/": {Handler: http.NotFoundHandler()}})
	for path, want := range map[string]int{"/metrics": 405, "/healthz": 405, "/readyz": 405, "/other": 404} {
		res, err := http.Post(url+path, "text/plain", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != want {
			t.Errorf("POST %s: %s, want %d", path, res.Status, want)
		}
	}
	if code, _ := get(t, url+"/readyz", func(r *http.Request) { r.Method = "HEAD" }); code != 200 {
		t.Errorf("HEAD /readyz: %d", code)
	}
}

// zero is a body of zeros.
type zero struct{}

func (zero) Read(b []byte) (int, error) { clear(b); return len(b), nil }
