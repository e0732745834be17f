package coincap

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Retry says how often and how long a call is tried again. The zero value stands for the defaults.
type Retry struct {
	First    time.Duration // before the second attempt, 500 ms; each later wait is half as long again, ± 50 %
	Longest  time.Duration // between two attempts, 20 s
	Patience time.Duration // in total, 90 s: a restart of the API, or a minute's rate limit. A Retry-After beyond it ends the call at once
}

func (r Retry) withDefaults() Retry {
	if r.First == 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Longest == 0 {
		r.Longest = 20 * time.Second
	}
	if r.Patience == 0 {
		r.Patience = 90 * time.Second
	}
	return r
}

// policy is an exponential backoff that never waits less than an answer's Retry-After.
type policy struct {
	*backoff.ExponentialBackOff
	retryAfter time.Duration
}

func (r Retry) policy() *policy {
	return &policy{ExponentialBackOff: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(r.First),
		backoff.WithMaxInterval(r.Longest),
		backoff.WithMaxElapsedTime(r.Patience),
	)}
}

// NextBackOff implements backoff.BackOff.
func (p *policy) NextBackOff() time.Duration {
	next := p.ExponentialBackOff.NextBackOff()
	if next == backoff.Stop {
		return backoff.Stop
	}
	next = max(next, p.retryAfter)
	p.retryAfter = 0
	if p.GetElapsedTime()+next > p.MaxElapsedTime {
		return backoff.Stop
	}
	return next
}

// retryAfter reads the header's two forms, seconds and a date. It returns 0 for the past and for what it cannot read.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// pause holds back all calls of a client once the API has told one of them to wait: the others would be refused as well, and
// some APIs lengthen the wait for every call made during it.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

func (p *pause) atLeast(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

func (p *pause) wait(ctx context.Context) error {
	p.mu.Lock()
	left := time.Until(p.until)
	p.mu.Unlock()
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
