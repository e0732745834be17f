package health

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func serve(t *testing.T, parts func(context.Context) []Part) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "millrace_test_total", Help: "One."}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&Server{Parts: parts, Registry: registry}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
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
