// Package retry makes the calls of one source: within its rate, again when they fail in passing, and none while the source has told
// to wait.
package retry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"
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

// After reads the two forms of the header Retry-After, seconds and a date. It returns 0 for the past and for what it cannot read.
func After(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// pause holds back all calls of a source once it has told one of them to wait: the others would be refused as well, and some APIs
// lengthen the wait for every call made during it.
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

func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until)
}

func (p *pause) wait(ctx context.Context) error {
	left := p.left()
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

// limiter lets a tenth of a minute's calls through at once and the other nine tenths spread over the minute. So no minute,
// wherever it begins, has more calls than the rate, and a first fetch of 20 assets does not take seconds.
func limiter(perMinute int) *rate.Limiter {
	if perMinute < 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	burst := max(1, perMinute/10)
	return rate.NewLimiter(rate.Limit(max(perMinute-burst, 1))/60, burst)
}

// Caller makes the calls of one source. It may be used by several goroutines, which share its rate.
type Caller struct {
	retry   Retry
	limiter *rate.Limiter
	pause   pause
	log     *slog.Logger
}

// NewCaller returns a caller of at most so many calls a minute; a negative number is no limit.
func NewCaller(retry Retry, perMinute int, log *slog.Logger) *Caller {
	return &Caller{retry: retry.withDefaults(), limiter: limiter(perMinute), log: log}
}

// Failure is the error of an attempt, as far as it decides about another one. An error that is none ends the call.
type Failure interface {
	error
	// Retryable reports whether the same call may succeed later without anybody doing anything.
	Retryable() bool
	// Wait is how long the source wants to be left alone; all tells that it meant every call, and not this one.
	Wait() (wait time.Duration, all bool)
}

// Call makes attempts until one succeeds or another is of no use, and counts them.
func Call[T any](ctx context.Context, c *Caller, attempt func(context.Context) (T, error)) (result T, attempts int, err error) {
	waits := c.retry.policy()
	result, err = backoff.RetryNotifyWithData(func() (T, error) {
		var none T
		attempts++
		if err := c.turn(ctx); err != nil {
			return none, backoff.Permanent(err)
		}
		result, err := attempt(ctx)
		var failed Failure
		switch {
		case err == nil:
			return result, nil
		case !errors.As(err, &failed) || !failed.Retryable():
			return none, backoff.Permanent(err)
		}
		wait, all := failed.Wait()
		if waits.retryAfter = wait; all {
			c.pause.atLeast(time.Now().Add(wait))
		}
		return none, err
	}, backoff.WithContext(waits, ctx), func(err error, wait time.Duration) {
		c.log.Warn("a call failed; trying again", "attempt", attempts, "in", wait.Round(time.Millisecond).String(), "error", err)
	})
	return result, attempts, err
}

// turn waits until a call may be made.
func (c *Caller) turn(ctx context.Context) error {
	if err := c.pause.wait(ctx); err != nil {
		return err
	}
	return c.limiter.Wait(ctx)
}

// Held reports whether the source has told all calls to wait.
func (c *Caller) Held() bool { return c.pause.left() > 0 }
