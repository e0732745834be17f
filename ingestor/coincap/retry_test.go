package coincap

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
)

func TestJudge(t *testing.T) {
	const none = Kind(-1)
	list := `{"data":[]}`
	farewell := `{"data":{"message":"We are deprecating this version"},"timestamp":1}`
	tests := []struct {
		name    string
		status  int
		body    string
		readErr error
		want    Kind
		retried bool
	}{
		{"list", 200, list, nil, none, false},
		{"no data", 404, `{"error":"x"}`, nil, none, false},
		{"no data, opaque", 404, "nope", nil, none, false},
		{"bad request", 400, `{"error":"interval is required"}`, nil, BadRequest, false},
		{"no key", 401, "", nil, KeyRefused, false},
		{"forbidden", 403, "<html>", nil, KeyRefused, false},
		{"no credits", 402, `{"error":"Payment Required"}`, nil, CreditsUsed, false},
		{"rate", 429, `{"error":"slow down"}`, nil, RateLimited, true},
		{"farewell with 429", 429, farewell, nil, Farewell, false},
		{"farewell with 200", 200, farewell, nil, Farewell, false},
		{"timeout", 408, "", nil, ServerError, true},
		{"broken", 500, "oops", nil, ServerError, true},
		{"bad gateway", 502, "<html>", nil, ServerError, true},
		{"error cut short", 503, "oo", io.ErrUnexpectedEOF, ServerError, true},
		{"redirect", 301, "", nil, Unexpected, false},
		{"no content", 204, "", nil, Unexpected, false},
		{"page", 200, "<html>", nil, NotJSON, false},
		{"asset for a list", 200, `{"data":{"id":"x"}}`, nil, NotList, false},
		{"connection ends", 200, `{"data":[`, io.ErrUnexpectedEOF, Truncated, true},
		{"connection ends after the JSON", 200, list, io.ErrUnexpectedEOF, Truncated, true},
		{"JSON ends", 200, `{"data":[`, nil, Truncated, true},
		{"large", 200, strings.Repeat(" ", 101), nil, TooLarge, false},
		{"large error page", 500, strings.Repeat(" ", 101), nil, TooLarge, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(tt.status, []byte(tt.body), tt.readErr, 100, &Envelope{})
			if tt.want == none {
				if got != nil {
					t.Fatalf("failed: %v", got)
				}
				return
			}
			if got == nil || got.Kind != tt.want {
				t.Fatalf("got %v, want %q", got, tt.want)
			}
			if got.Kind.Retryable() != tt.retried {
				t.Errorf("retried is %v, want %v", !tt.retried, tt.retried)
			}
		})
	}
}

func TestOnlyWhatPassesByItselfIsRetried(t *testing.T) {
	for kind := range Kind(len(kindNames)) {
		want := kind == RateLimited || kind == ServerError || kind == Unreachable || kind == Truncated || kind == OtherDays
		if kind.Retryable() != want {
			t.Errorf("%q: retried is %v", kind, !want)
		}
		failed := &Error{Kind: kind, URL: "https://x.invalid", Status: 418, Detail: "detail", Err: errors.New("cause"), Attempts: 2}
		if text := failed.Error(); hints[kind] == "" || !strings.HasSuffix(text, hints[kind]) || !strings.Contains(text, kind.String()) {
			t.Errorf("%q does not say what to do: %s", kind, text)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                     0,
		"7":                    7 * time.Second,
		" 7 ":                  7 * time.Second,
		"-7":                   0,
		"soon":                 0,
		"1.5":                  0,
		"99999999999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	}
	for header, want := range tests {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q is %s, want %s", header, got, want)
		}
	}
}

func TestWaitIsNeverShorterThanAskedFor(t *testing.T) {
	p := Retry{First: 10 * time.Millisecond, Longest: time.Second, Patience: time.Minute}.policy()
	p.retryAfter = 5 * time.Second
	if got := p.NextBackOff(); got != 5*time.Second {
		t.Errorf("waits %s, was asked to wait 5 s", got)
	}
	if got := p.NextBackOff(); got > 100*time.Millisecond {
		t.Errorf("waits %s: the Retry-After outlived its answer", got)
	}
	p.retryAfter = time.Hour
	if got := p.NextBackOff(); got != backoff.Stop {
		t.Errorf("waits %s for an API that asks for an hour", got)
	}
}

func TestLimiterKeepsEveryMinuteWithinTheRate(t *testing.T) {
	l := limiter(600)
	if most := float64(l.Burst()) + 60*float64(l.Limit()); most > 600.001 {
		t.Errorf("a minute can hold %.0f calls", most)
	}
	if l.Burst() < 45 {
		t.Errorf("a first fetch of 20 assets in two pieces waits: burst %d", l.Burst())
	}
	if one := limiter(1); one.Burst() != 1 || one.Limit() <= 0 {
		t.Errorf("a rate of 1 is burst %d, limit %v", one.Burst(), one.Limit())
	}
}
