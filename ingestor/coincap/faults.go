package coincap

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault says which calls fail in one way: the first few, and each later one with a probability. The zero value lets none fail.
// As text it is a whole number for the first calls ("3"), or a share of all ("0.2", "20%").
type Fault struct {
	First       int
	Probability float64
}

// UnmarshalText reads the text form, for flags.
func (f *Fault) UnmarshalText(text []byte) error {
	s := string(text)
	if first, err := strconv.Atoi(s); err == nil && first >= 0 {
		*f = Fault{First: first}
		return nil
	}
	digits, percent := strings.CutSuffix(s, "%")
	p, err := strconv.ParseFloat(digits, 64)
	if percent {
		p /= 100
	}
	if err != nil || !(p >= 0 && p <= 1) {
		return fmt.Errorf("%q is neither a number of first calls (3) nor a share of all (0.2, 20%%)", s)
	}
	*f = Fault{Probability: p}
	return nil
}

// Faults are the ways in which a simulator can be made to fail. The first of these fields that hits a call decides.
type Faults struct {
	Latency      time.Duration // before every answer
	Unauthorized Fault         // 401, whatever the key
	RateLimited  Fault         // 429
	RetryAfter   time.Duration // header of the 429, in whole seconds; 0 sends none
	ServerError  Fault         // 500
	Truncated    Fault         // half a body, then the connection ends
	HTML         Fault         // 200 with a page, as a proxy answers
	Farewell     Fault         // what v2 answers since its end

	// These answer as the API does, with what nobody asked for. Each concerns the calls that it can, and lets others pass.
	Missing   Fault // 404 for a history
	Empty     Fault // a history without points
	OtherDays Fault // a history of the week before
	OddIDs    Fault // a list whose last two assets have a blank and a slash in their ids
}

// faults counts the calls. Which of them fail by chance depends on the seed and the count alone, so that a run with one client
// can be repeated.
type faults struct {
	Faults
	seed  uint64
	calls atomic.Uint64
}

const (
	unauthorizedBody = `{"error":"Unauthorized: a valid API key is required","timestamp":%d}`
	rateLimitBody    = `{"error":"You exceeded the rate limit","timestamp":%d}`
	serverErrorBody  = `{"error":"Internal Server Error","timestamp":%d}`
	htmlBody         = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>%d</body></html>\n"
	farewellBody     = `{"data":{"message":"We are deprecating this version of the API. Sign up for the new one"},"timestamp":%d}`
)

// twist is what is wrong with an answer that is otherwise the usual one.
type twist struct{ truncate, missing, empty, otherDays, oddIDs bool }

// answer sends what the faults ask for; answered is false when the call is to be answered as usual, but for the twist.
func (f *faults) answer(w http.ResponseWriter, r *http.Request, now time.Time) (answered bool, t twist) {
	call := f.calls.Add(1)
	if f.Latency > 0 {
		select {
		case <-time.After(f.Latency):
		case <-r.Context().Done():
			return true, t
		}
	}
	ms := now.UnixMilli()
	switch {
	case f.hits(f.Unauthorized, call, 1):
		sendError(w, http.StatusUnauthorized, unauthorizedBody, ms)
	case f.hits(f.RateLimited, call, 2):
		if seconds := int(f.RetryAfter / time.Second); seconds > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
		}
		sendError(w, http.StatusTooManyRequests, rateLimitBody, ms)
	case f.hits(f.ServerError, call, 3):
		sendError(w, http.StatusInternalServerError, serverErrorBody, ms)
	case f.hits(f.HTML, call, 5):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, htmlBody, ms)
	case f.hits(f.Farewell, call, 6):
		sendError(w, http.StatusTooManyRequests, farewellBody, ms)
	default:
		return false, twist{
			truncate:  f.hits(f.Truncated, call, 4),
			missing:   f.hits(f.Missing, call, 7),
			empty:     f.hits(f.Empty, call, 8),
			otherDays: f.hits(f.OtherDays, call, 9),
			oddIDs:    f.hits(f.OddIDs, call, 10),
		}
	}
	return true, t
}

func (f *faults) hits(fault Fault, call, kind uint64) bool {
	if call <= uint64(fault.First) {
		return true
	}
	// The multiplier spreads the counts over all bits; without it neighbouring calls would share their fate.
	x := (f.seed ^ call<<3 ^ kind) * 0x9e3779b97f4a7c15
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return float64(x>>11)/(1<<53) < fault.Probability
}

func sendError(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, format, args...)
}

// history answers a history call, unless its fault is to know no such asset.
func (t twist) history(of content, q historyQuery, now time.Time) ([]byte, error) {
	if t.missing {
		return nil, nil
	}
	if t.otherDays {
		q.start, q.end = q.start.Add(-7*day), q.end.Add(-7*day)
	}
	body, err := of.history(q, now)
	if t.empty && body != nil {
		return compose(nil, now.UnixMilli()), err
	}
	return body, err
}

// assets answers a list call.
func (t twist) assets(of content, q assetsQuery, now time.Time) ([]byte, error) {
	body, err := of.assets(q, now)
	if err != nil || !t.oddIDs {
		return body, err
	}
	var list struct {
		Data []jsontext.Value `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("read the list that is to have odd ids: %w", err)
	}
	for i, prefix := range []string{"odd ", "odd/"} {
		if at := len(list.Data) - 1 - i; at >= 0 {
			list.Data[at] = bytes.Replace(list.Data[at], []byte(`"id":"`), []byte(`"id":"`+prefix), 1)
		}
	}
	return compose(list.Data, now.UnixMilli()), nil
}
