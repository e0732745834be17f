package coincap

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ask calls a simulator without a network.
func ask(t *testing.T, s *Simulator, path string) (status int, body string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}

func newSimulator(t *testing.T, cfg SimulatorConfig) *Simulator {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return noon }
	}
	s, err := NewSimulator(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSimulatorChecksRequestsAsTheAPIDoes(t *testing.T) {
	s := newSimulator(t, SimulatorConfig{})
	const dayMS = 86400000
	end := noon.UnixMilli()
	span := func(interval string, days int64, more int64) string {
		return fmt.Sprintf("/assets/bitcoin/history?interval=%s&start=%d&end=%d", interval, end-days*dayMS-more, end)
	}
	tests := []struct {
		path   string
		status int
		says   string
	}{
		{"/assets", 200, `"id":"bitcoin"`},
		{"/v3/assets", 200, `"id":"bitcoin"`},
		{"/v3/assets/", 200, `"id":"bitcoin"`},
		{"/assets?limit=2000", 200, ""},
		{"/assets?limit=2001", 400, "limit must be between 1 and 2000"},
		{"/assets?limit=0", 400, "limit"},
		{"/assets?limit=x", 400, "limit"},
		{"/assets?offset=-1", 400, "offset"},
		{"/assets?offset=9999", 200, `"data":[]`},
		{"/assets/bitcoin", 200, `"data":{"id":"bitcoin"`},
		{"/assets/nobody", 404, "not found"},
		{"/", 404, ""},
		{"/markets", 404, ""},
		{"/assets/bitcoin/markets", 404, ""},
		{"/assets/nobody/history?interval=d1", 404, ""},
		{"/assets/bitcoin/history", 400, "interval is required"},
		{"/assets/bitcoin/history?interval=w1", 400, "none of m1, m5"},
		{"/assets/bitcoin/history?interval=d1", 200, `"priceUsd"`},
		{"/assets/bitcoin/history?interval=d1&start=1", 400, "end must be"},
		{"/assets/bitcoin/history?interval=d1&start=x&end=5", 400, "start must be"},
		{"/assets/bitcoin/history?interval=d1&start=6&end=5", 400, "end is before start"},
		{span("m1", 1, 0), 200, ""}, {span("m1", 1, 1), 400, "at most 1 days"},
		{span("m5", 5, 0), 200, ""}, {span("m5", 5, 1), 400, ""},
		{span("m15", 7, 0), 200, ""}, {span("m15", 7, 1), 400, ""},
		{span("m30", 14, 0), 200, ""}, {span("m30", 14, 1), 400, ""},
		{span("h1", 30, 0), 200, ""}, {span("h1", 30, 1), 400, ""},
		{span("h2", 61, 0), 200, ""}, {span("h2", 61, 1), 400, ""},
		{span("h6", 183, 0), 200, ""}, {span("h6", 183, 1), 400, ""},
		{span("h12", 365, 0), 200, ""}, {span("h12", 365, 1), 400, ""},
		{span("d1", 365, 0), 200, ""}, {span("d1", 366, 0), 400, "at most 365 days"},
	}
	for _, tt := range tests {
		status, body := ask(t, s, tt.path)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %.200s, want %d %s", tt.path, status, body, tt.status, tt.says)
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%s: not JSON: %.200s", tt.path, body)
		}
	}
}

func TestSimulatorChoosesRows(t *testing.T) {
	s := newSimulator(t, SimulatorConfig{})
	tests := []struct {
		query string
		rows  int
		first string
	}{
		{"", 100, "bitcoin"},
		{"?limit=3", 3, "bitcoin"},
		{"?limit=3&offset=1", 3, ""},
		{"?ids=solana,tether", 2, "tether"},
		{"?search=BTC", 0, "bitcoin"},
		{"?search=wrapped-bit", 1, "wrapped-bitcoin"},
		{"?limit=2000&offset=2000", 500, ""},
	}
	for _, tt := range tests {
		_, body := ask(t, s, "/assets"+tt.query)
		var answer struct {
			Timestamp int64
			Data      []struct{ ID string }
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Timestamp != noon.UnixMilli() || len(answer.Data) == 0 || tt.rows > 0 && len(answer.Data) != tt.rows || tt.first != "" && answer.Data[0].ID != tt.first {
			t.Errorf("%s: %d rows at %d, first %v", tt.query, len(answer.Data), answer.Timestamp, answer.Data[:min(1, len(answer.Data))])
		}
	}
}

func TestSimulatorSaysThatItIsOne(t *testing.T) {
	s := newSimulator(t, SimulatorConfig{Key: testKey})
	for _, path := range []string{"/assets", "/nothing"} {
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Header().Get(SyntheticHeader) != "true" {
			t.Errorf("%s has no %s", path, SyntheticHeader)
		}
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/assets", nil))
	if recorder.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered with %d", recorder.Code)
	}
}

func TestSimulatorIsAFunctionOfSeedAndClock(t *testing.T) {
	_, a := ask(t, newSimulator(t, SimulatorConfig{Seed: 5}), "/assets?limit=50")
	_, b := ask(t, newSimulator(t, SimulatorConfig{Seed: 5}), "/assets?limit=50")
	_, c := ask(t, newSimulator(t, SimulatorConfig{Seed: 6}), "/assets?limit=50")
	if a != b || a == c {
		t.Errorf("same seed equal: %v, other seed equal: %v", a == b, a == c)
	}
}

func TestFaultText(t *testing.T) {
	tests := map[string]Fault{"3": {First: 3}, "0": {}, "0.2": {Probability: .2}, "20%": {Probability: .2}, "1.0": {Probability: 1}, "100%": {Probability: 1}}
	for text, want := range tests {
		var got Fault
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "120%", "NaN", "often"} {
		if err := new(Fault).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestFaultsKeepTheirShare(t *testing.T) {
	s := newSimulator(t, SimulatorConfig{Faults: Faults{ServerError: Fault{First: 2, Probability: .3}}})
	failed := 0
	for call := range 2000 {
		status, _ := ask(t, s, "/nothing")
		if status == 500 {
			failed++
		} else if call < 2 {
			t.Errorf("call %d did not fail", call)
		}
	}
	if failed < 500 || failed > 700 {
		t.Errorf("%d of 2000 calls failed, want about 600", failed)
	}
}
