package coincap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/ingestor/retry"
	"millrace/ingestor/source"
)

const testKey = settings.Secret("k3y-that-must-not-show")

// quick retries as the real one does, a hundred times faster.
var quick = retry.Retry{First: 2 * time.Millisecond, Longest: 20 * time.Millisecond, Patience: 3 * time.Second}

var noon = time.Date(2025, 7, 1, 12, 0, 0, 0, time.UTC)

// serve starts a simulator on a free port.
func serve(t *testing.T, cfg SimulatorConfig) (address string, s *Simulator) {
	t.Helper()
	s = newSimulator(t, cfg)
	return serveHandler(t, s), s
}

func serveHandler(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	if cfg.Retry == (retry.Retry{}) {
		cfg.Retry = quick
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func year(t *testing.T) Piece {
	return Piece{From: mustDay(t, "2024-08-01"), To: mustDay(t, "2025-06-30")}
}

func TestClientGetsBodiesAsTheyAreSent(t *testing.T) {
	for _, prefix := range []string{"", "/v3", "/v3/"} {
		address, _ := serve(t, SimulatorConfig{Key: testKey})
		c := newClient(t, Config{BaseURL: address + prefix, Key: testKey})
		response, err := c.History(context.Background(), "bitcoin", D1, year(t))
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequest(http.MethodGet, response.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+testKey.Reveal())
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if !bytes.Equal(response.Body, want) {
			t.Error("the body is not what the server sent")
		}
		if !response.Synthetic || response.Envelope.Items != 334 || response.Status != 200 || response.FetchedAt.IsZero() || response.Duration <= 0 {
			t.Errorf("%d items, synthetic %v, status %d", response.Envelope.Items, response.Synthetic, response.Status)
		}
		if strings.Contains(response.URL, testKey.Reveal()) {
			t.Errorf("the key is in %s", response.URL)
		}
	}
}

func TestTopPages(t *testing.T) {
	address, simulator := serve(t, SimulatorConfig{})
	c := newClient(t, Config{BaseURL: address})
	tests := []struct{ n, pages, ids int }{{1, 1, 1}, {20, 1, 20}, {2000, 1, 2000}, {2001, 2, 2001}, {5000, 2, 2500}}
	for _, tt := range tests {
		before := simulator.Calls()
		pages, err := c.Top(context.Background(), tt.n)
		if err != nil {
			t.Fatal(err)
		}
		ids, skipped, err := IDs(pages)
		if err != nil || len(skipped) != 0 || len(ids) != tt.ids || len(pages) != tt.pages || simulator.Calls()-before != tt.pages {
			t.Errorf("top %d: %d ids on %d pages in %d calls, %v", tt.n, len(ids), len(pages), simulator.Calls()-before, err)
		}
		if ids[0] != "bitcoin" {
			t.Errorf("the largest is %s", ids[0])
		}
	}
}

func TestIDsAreTakenOnceAndOddRowsNamed(t *testing.T) {
	page := func(body string) *Response { return &Response{Response: source.Response{Body: []byte(body)}} }
	pages := []*Response{
		page(`{"data":[{"id":"a"},{"id":"b"},{"id":7},{"name":"none"},null,{"id":"../c"},{"id":"d","id":"e"},{"id":"a b"},{"id":""}]}`),
		page(`{"data":[{"id":"b"},{"id":"f-1.2_x"},"` + "\xff" + `"]}`),
	}
	ids, skipped, err := IDs(pages)
	if want := []string{"a", "b", "e", "f-1.2_x"}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("got %q, %v, want %q", ids, err, want)
	}
	var names []string
	for _, s := range skipped {
		names = append(names, s.Subject)
		if s.Reason == "" {
			t.Errorf("%s is skipped without a reason", s.Subject)
		}
	}
	if want := []string{"row 3", "row 4", "row 5", `"../c"`, `"a b"`, `""`, "row 3"}; !slices.Equal(names, want) {
		t.Errorf("skipped are %q, want %q", names, want)
	}
}

func TestNoDataIsNoError(t *testing.T) {
	address, simulator := serve(t, SimulatorConfig{})
	c := newClient(t, Config{BaseURL: address})
	unknown, err := c.History(context.Background(), "no-such-coin", D1, year(t))
	if err != nil || !unknown.NotFound() {
		t.Errorf("unknown asset: %+v, %v", unknown, err)
	}
	early := Piece{From: mustDay(t, "2005-01-01"), To: mustDay(t, "2005-01-31")}
	empty, err := c.History(context.Background(), "bitcoin", D1, early)
	if err != nil || empty.NotFound() || empty.Envelope.Items != 0 || len(empty.Body) == 0 {
		t.Errorf("before the asset's time: %+v, %v", empty, err)
	}
	if simulator.Calls() != 2 {
		t.Errorf("%d calls for two answers", simulator.Calls())
	}
}

func TestFaultsThatPassAreOutlasted(t *testing.T) {
	faults := map[string]Faults{
		"rate":              {RateLimited: Fault{First: 2}},
		"server error":      {ServerError: Fault{First: 2}},
		"truncated":         {Truncated: Fault{First: 2}},
		"latency":           {Latency: 20 * time.Millisecond},
		"all with a chance": {RateLimited: Fault{Probability: .2}, ServerError: Fault{Probability: .2}, Truncated: Fault{Probability: .2}},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			clean, _ := serve(t, SimulatorConfig{})
			address, simulator := serve(t, SimulatorConfig{Faults: fault})
			want, err := newClient(t, Config{BaseURL: clean}).History(context.Background(), "ethereum", D1, year(t))
			if err != nil {
				t.Fatal(err)
			}
			got, err := newClient(t, Config{BaseURL: address}).History(context.Background(), "ethereum", D1, year(t))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Body, want.Body) {
				t.Error("the body differs after a retry")
			}
			if (fault.RateLimited.First > 0 || fault.ServerError.First > 0 || fault.Truncated.First > 0) && simulator.Calls() != 3 {
				t.Errorf("%d calls, want 3", simulator.Calls())
			}
		})
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	always := Fault{Probability: 1}
	briefly := retry.Retry{First: time.Millisecond, Longest: 5 * time.Millisecond, Patience: 60 * time.Millisecond}
	longer := briefly // than a call that a loaded machine ends late
	longer.Patience = time.Second
	tests := []struct {
		name    string
		sim     SimulatorConfig
		cfg     Config
		kind    Kind
		says    string
		retried bool
	}{
		{"no key", SimulatorConfig{Key: testKey}, Config{}, KeyRefused, "COINCAP_API_KEY", false},
		{"wrong key", SimulatorConfig{Key: testKey}, Config{Key: testKey + "x"}, KeyRefused, "COINCAP_API_KEY", false},
		{"refused key", SimulatorConfig{Faults: Faults{Unauthorized: always}}, Config{Key: testKey}, KeyRefused, "HTTP 401", false},
		{"rate", SimulatorConfig{Faults: Faults{RateLimited: always}}, Config{Retry: briefly}, RateLimited, "--rate", true},
		{"rate for long", SimulatorConfig{Faults: Faults{RateLimited: always, RetryAfter: time.Hour}}, Config{}, RateLimited, "HTTP 429", false},
		{"server error", SimulatorConfig{Faults: Faults{ServerError: always}}, Config{Retry: briefly}, ServerError, "Internal Server Error", true},
		{"truncated", SimulatorConfig{Faults: Faults{Truncated: always}}, Config{Retry: briefly}, Truncated, "ends after", true},
		{"page", SimulatorConfig{Faults: Faults{HTML: always}}, Config{}, NotJSON, "login page", false},
		{"farewell", SimulatorConfig{Faults: Faults{Farewell: always}}, Config{}, Farewell, DefaultBaseURL, false},
		{"too large", SimulatorConfig{}, Config{MaxBytes: 1000}, TooLarge, "more than 1000 bytes", false},
		{"slow", SimulatorConfig{Faults: Faults{Latency: time.Minute}}, Config{Timeout: 20 * time.Millisecond, Retry: longer}, Unreachable, "no answer in 20ms", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, simulator := serve(t, tt.sim)
			tt.cfg.BaseURL = address
			_, err := newClient(t, tt.cfg).History(context.Background(), "bitcoin", D1, year(t))
			var failed *Error
			if !errors.As(err, &failed) || failed.Kind != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want kind %q and %q", err, tt.kind, tt.says)
			}
			if retried := simulator.Calls() > 1; retried != tt.retried {
				t.Errorf("%d calls", simulator.Calls())
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, failed, failed), testKey.Reveal()) {
				t.Errorf("the key shows in %v", err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	var log bytes.Buffer
	c := newClient(t, Config{BaseURL: server.URL, Log: slog.New(slog.NewTextHandler(&log, nil)), Retry: retry.Retry{First: time.Millisecond, Longest: time.Millisecond, Patience: 20 * time.Millisecond}})
	_, err := c.Top(context.Background(), 1)
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != Unreachable || failed.Attempts < 2 || !strings.Contains(err.Error(), "check the network") {
		t.Fatalf("error is %v", err)
	}
	if n := strings.Count(log.String(), "trying again"); n != failed.Attempts-1 || !strings.Contains(log.String(), server.URL) {
		t.Errorf("%d tries and %d lines of them: %s", failed.Attempts, n, log.String())
	}
}

// On this machine a refused connection means that no stack runs. A command tried for 70 s, and then told to check the network.
func TestAServerThatDoesNotRunHereIsNotTriedAgain(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := newClient(t, Config{BaseURL: server.URL}).Top(context.Background(), 1)
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != NotRunning || failed.Attempts != 1 || !strings.Contains(err.Error(), "start the stack with `go tool task up`") {
		t.Errorf("error is %v", err)
	}
}

func TestCertificateOfNobodyIsNotTriedAgain(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	server.Config.ErrorLog = nil
	_, err := newClient(t, Config{BaseURL: server.URL, Key: testKey}).Top(context.Background(), 1)
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != Untrusted || failed.Attempts != 1 {
		t.Errorf("error is %v", err)
	}
}

func TestKeyDoesNotFollowARedirect(t *testing.T) {
	var stolen sync.Map
	thief := serveHandler(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen.Store("key", r.Header.Get("Authorization"))
	}))
	address := serveHandler(t, http.RedirectHandler(thief, http.StatusFound))
	_, err := newClient(t, Config{BaseURL: address, Key: testKey}).Top(context.Background(), 1)
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != Unexpected {
		t.Errorf("error is %v", err)
	}
	if key, called := stolen.Load("key"); called {
		t.Errorf("the redirect was followed with %q", key)
	}
}

func TestListThatIsNotThereIsAWrongAddress(t *testing.T) {
	address := serveHandler(t, http.NotFoundHandler())
	_, err := newClient(t, Config{BaseURL: address}).Top(context.Background(), 1)
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != Unexpected || !strings.Contains(err.Error(), "COINCAP_BASE_URL") {
		t.Errorf("error is %v", err)
	}
}

func TestAllCallsWaitWhenOneIsToldTo(t *testing.T) {
	var mu sync.Mutex
	var arrivals []time.Time
	simulator, err := NewSimulator(SimulatorConfig{Now: func() time.Time { return noon }, Faults: Faults{RateLimited: Fault{First: 1}, RetryAfter: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	address := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		arrivals = append(arrivals, time.Now())
		mu.Unlock()
		simulator.ServeHTTP(w, r)
	}))
	c := newClient(t, Config{BaseURL: address})
	var waits sync.WaitGroup
	waits.Go(func() {
		if _, err := c.Top(context.Background(), 1); err != nil {
			t.Error(err)
		}
	})
	for !c.calls.Held() {
		time.Sleep(time.Millisecond)
	}
	if _, err := c.History(context.Background(), "bitcoin", D1, year(t)); err != nil {
		t.Error(err)
	}
	waits.Wait()
	for _, at := range arrivals[1:] {
		if gap := at.Sub(arrivals[0]); gap < 900*time.Millisecond {
			t.Errorf("a call came %s after the API had asked for a second of peace", gap)
		}
	}
}

func TestCancelledCallEndsAtOnce(t *testing.T) {
	address, _ := serve(t, SimulatorConfig{Faults: Faults{Latency: time.Minute}})
	cause := errors.New("stopped by signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
	started := time.Now()
	_, err := newClient(t, Config{BaseURL: address}).Top(ctx, 1)
	if !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(started); took > 20*time.Second { // the server would take a minute
		t.Errorf("took %s", took)
	}
}

func TestHistoryRefusesWhatIsNoSlug(t *testing.T) {
	c := newClient(t, Config{BaseURL: "http://127.0.0.1:1"})
	for _, slug := range []string{"", "..", "a/b", "bitcoin?x", "é", "a b", strings.Repeat("a", 129)} {
		if _, err := c.History(context.Background(), slug, D1, Piece{bronze.DayOfUnix(1), bronze.DayOfUnix(1)}); err == nil || !strings.Contains(err.Error(), "no asset's slug") {
			t.Errorf("%q: error is %v", slug, err)
		}
	}
}
