package coincap

import (
	"fmt"
	"time"
)

// Kind says what went wrong with a call, as far as it decides what to do about it.
type Kind int

// The kinds of failure. A 404 and an empty list are none: they mean "no data".
const (
	Unexpected  Kind = iota // a status or a body that the API does not document
	KeyMissing              // no key is set, and the public API answers nobody without one
	KeyRefused              // 401 or 403
	RateLimited             // 429
	Farewell                // the answer of v2 since its end
	BadRequest              // 400: the request itself is wrong
	ServerError             // 5xx
	Unreachable             // no answer: refused, reset, timed out
	NotRunning              // refused by this machine itself: no server has the port
	Untrusted               // TLS: the certificate is not the server's
	NotJSON                 // some other text, such as a proxy's HTML page
	NotList                 // JSON, but without a list in data
	Truncated               // the body ended early
	TooLarge                // the body is larger than Config.MaxBytes
	OtherDays               // a history without a single point of the days that were asked for
	CreditsUsed             // 402: the plan's credits are used up
)

var kindNames = [...]string{"unexpected answer", "no API key", "API key refused", "rate limited", "API version ended", "bad request",
	"server error", "unreachable", "nothing runs there", "not trusted", "not JSON", "no list", "truncated", "too large", "answer for other days", "credits used up"}

func (k Kind) String() string { return kindNames[k] }

// hints say what a person can do next.
var hints = [...]string{
	KeyMissing:  "set COINCAP_API_KEY (https://pro.coincap.io/dashboard gives one), or point COINCAP_BASE_URL at `ingestor simulate`",
	KeyRefused:  "check COINCAP_API_KEY; https://pro.coincap.io/dashboard shows the key and its credits",
	RateLimited: "wait, lower --rate, or see at https://pro.coincap.io/dashboard whether the month's credits are used up",
	Farewell:    "this is the old API: set COINCAP_BASE_URL to " + DefaultBaseURL,
	BadRequest:  "the API does not take this request; its text says why",
	ServerError: "the API is in trouble; try again later",
	Unreachable: "check the network and COINCAP_BASE_URL",
	NotRunning:  "start the stack with `go tool task up`, whose simulator answers there, or set COINCAP_BASE_URL",
	Untrusted:   "check COINCAP_BASE_URL, and whether a proxy stands in between",
	NotJSON:     "check COINCAP_BASE_URL, and whether a proxy or a login page stands in between",
	NotList:     "check COINCAP_BASE_URL",
	Truncated:   "the connection ends early; try again",
	TooLarge:    "ask for fewer assets or a shorter time",
	Unexpected:  "check COINCAP_BASE_URL",
	CreditsUsed: "https://pro.coincap.io/dashboard shows the key's credits; wait for the next month, or take a larger plan",
	OtherDays:   "the API, or a cache before it, has answered another request; try again later",
}

// Error is a failed call; it is a source.Failure.
type Error struct {
	Kind       Kind
	URL        string // without the key, which is never in it
	Status     int    // 0 without an answer
	Detail     string // what the server said, shortened; or what is wrong with its answer
	RetryAfter time.Duration
	Attempts   int
	Err        error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("fetch %s: %s", e.URL, e.Kind)
	if e.Status != 0 {
		text += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(" (after %d attempts)", e.Attempts)
	}
	return text + ": " + hints[e.Kind]
}

func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same call may succeed later without anybody doing anything.
func (k Kind) Retryable() bool {
	switch k {
	case RateLimited, ServerError, Unreachable, Truncated, OtherDays:
		return true
	}
	return false
}

// Final reports whether the same call will go on to fail until a person changes something: the key, the address, the
// request. What is neither final nor retryable may be either.
func (k Kind) Final() bool {
	switch k {
	case KeyMissing, KeyRefused, Farewell, BadRequest, CreditsUsed:
		return true
	}
	return false
}

// Single reports whether the failure says something about one request only, and not about the key or the API.
func (k Kind) Single() bool {
	switch k {
	case BadRequest, ServerError, Truncated, TooLarge, NotList, OtherDays:
		return true
	}
	return false
}

// Retryable is the kind's.
func (e *Error) Retryable() bool { return e.Kind.Retryable() }

// Final is the kind's.
func (e *Error) Final() bool { return e.Kind.Final() }

// Single is the kind's.
func (e *Error) Single() bool { return e.Kind.Single() }

// Wait is how long the API wants to be left alone. A rate limit is everybody's.
func (e *Error) Wait() (time.Duration, bool) { return e.RetryAfter, e.Kind == RateLimited }
