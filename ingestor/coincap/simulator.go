package coincap

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/infra/settings"
	"millrace/ingestor/coincap/market"
)

// SimulatorConfig says what a simulator serves. The zero value serves synthetic prices of seed 0 to everybody.
type SimulatorConfig struct {
	Seed     uint64
	Now      func() time.Time     // default time.Now
	Key      settings.Secret      // when set, calls without it get a 401
	Recorded string               // folder of genuine responses to serve in place of synthetic ones
	Restated []market.Restatement // corrections of past prices
	Faults   Faults
}

// Simulator is an http.Handler that answers as CoinCap's API does, version 3, at the root and below /v3.
type Simulator struct {
	key     settings.Secret
	now     func() time.Time
	content content
	faults  faults
	marked  bool // whether answers are made up
}

// content answers a simulator's calls. Bodies are whole responses; no body is a 404.
type content interface {
	assets(q assetsQuery, now time.Time) (body []byte, err error)
	asset(id string, now time.Time) (body []byte, err error)
	history(q historyQuery, now time.Time) (body []byte, err error)
}

type assetsQuery struct {
	search        string
	ids           []string
	limit, offset int
}

// keeps reports whether the query asks for the asset.
func (q assetsQuery) keeps(id, symbol string) bool {
	return (len(q.ids) == 0 || slices.Contains(q.ids, id)) && (q.search == "" || market.Matches(q.search, id, symbol))
}

type historyQuery struct {
	id         string
	interval   Interval
	start, end time.Time // both inclusive
}

// NewSimulator returns a simulator. If the configuration names a folder of recorded responses, it reads all of them.
func NewSimulator(cfg SimulatorConfig) (*Simulator, error) {
	s := &Simulator{key: cfg.Key, now: cfg.Now, faults: faults{Faults: cfg.Faults, seed: cfg.Seed}}
	if s.now == nil {
		s.now = time.Now
	}
	if cfg.Recorded != "" {
		recorded, err := readRecordings(cfg.Recorded)
		if err != nil {
			return nil, err
		}
		s.content = recorded
		return s, nil
	}
	m, err := market.New(cfg.Seed, cfg.Restated...)
	if err != nil {
		return nil, err
	}
	s.content, s.marked = &synthetic{market: m}, true
	return s, nil
}

// Calls is the number of calls so far.
func (s *Simulator) Calls() int { return int(s.faults.calls.Load()) }

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.now().UTC().Truncate(time.Millisecond)
	if s.marked {
		w.Header().Set(SyntheticHeader, "true")
	}
	answered, twist := s.faults.answer(w, r, now)
	switch {
	case answered:
		return
	case r.Method != http.MethodGet:
		sendError(w, http.StatusMethodNotAllowed, `{"error":"only GET is served","timestamp":%d}`, now.UnixMilli())
		return
	case !s.admits(r):
		sendError(w, http.StatusUnauthorized, unauthorizedBody, now.UnixMilli())
		return
	}
	body, err := s.route(r, now, twist)
	switch {
	case err != nil:
		sendError(w, http.StatusBadRequest, `{"error":%q,"timestamp":%d}`, err.Error(), now.UnixMilli())
		return
	case body == nil:
		sendError(w, http.StatusNotFound, `{"error":"not found","timestamp":%d}`, now.UnixMilli())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if twist.truncate {
		_, _ = w.Write(body[:len(body)/2])
		// There is no other way to break off a response whose length was announced.
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

func (s *Simulator) admits(r *http.Request) bool {
	if s.key == "" {
		return true
	}
	given := r.Header.Get("Authorization")
	return subtle.ConstantTimeCompare([]byte(given), []byte("Bearer "+s.key.Reveal())) == 1
}

// route answers a call by its path. It does not use http.ServeMux, because unknown paths have to answer in JSON as well.
func (s *Simulator) route(r *http.Request, now time.Time, t twist) ([]byte, error) {
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v3"), "/")
	parts := strings.Split(path, "/")
	values := r.URL.Query()
	switch {
	case path == "assets":
		query, err := parseAssets(values)
		if err != nil {
			return nil, err
		}
		return t.assets(s.content, query, now)
	case len(parts) == 2 && parts[0] == "assets":
		return s.content.asset(parts[1], now)
	case len(parts) == 3 && parts[0] == "assets" && parts[2] == "history":
		query, err := parseHistory(parts[1], values, now)
		if err != nil {
			return nil, err
		}
		return t.history(s.content, query, now)
	}
	return nil, nil
}

func parseAssets(values url.Values) (assetsQuery, error) {
	q := assetsQuery{search: values.Get("search")}
	if ids := values.Get("ids"); ids != "" {
		q.ids = strings.Split(ids, ",")
	}
	var err error
	if q.limit, err = number(values, "limit", 100, 1, PageLimit); err != nil {
		return q, err
	}
	q.offset, err = number(values, "offset", 0, 0, 1<<31)
	return q, err
}

func number(values url.Values, name string, otherwise, least, most int) (int, error) {
	text := values.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s must be between %d and %d", name, least, most)
	}
	return n, nil
}

func parseHistory(id string, values url.Values, now time.Time) (historyQuery, error) {
	q := historyQuery{id: id}
	var err error
	if values.Get("interval") == "" {
		return q, fmt.Errorf("interval is required")
	}
	if q.interval, err = ParseInterval(values.Get("interval")); err != nil {
		return q, err
	}
	// The API wants both ends or none. Without them it answers with the longest time that ends now.
	if values.Get("start") == "" && values.Get("end") == "" {
		q.start, q.end = now.Add(-q.interval.Limit()), now
		return q, nil
	}
	if q.start, err = instant(values, "start"); err != nil {
		return q, err
	}
	if q.end, err = instant(values, "end"); err != nil {
		return q, err
	}
	switch {
	case q.end.Before(q.start):
		return q, fmt.Errorf("end is before start")
	case q.end.Sub(q.start) > q.interval.Limit():
		return q, fmt.Errorf("%s covers at most %d days a request", q.interval, q.interval.Limit()/day)
	}
	return q, nil
}

func instant(values url.Values, name string) (time.Time, error) {
	ms, err := strconv.ParseInt(values.Get(name), 10, 64)
	if err != nil || ms < 0 || ms > 253402300799999 {
		return time.Time{}, fmt.Errorf("%s must be a time in milliseconds since 1970", name)
	}
	return time.UnixMilli(ms).UTC(), nil
}
