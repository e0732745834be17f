package retry

import (
	"net/http"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
)

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
		if got := After(header, now); got != want {
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
