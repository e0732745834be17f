package fetch

import (
	"fmt"
	"time"
)

// Kind says what went wrong with a call, as far as it decides what to do about it.
type Kind int

// The kinds of failure. A 404, a 204 and an empty list are none: they mean "no data".
const (
	Unexpected  Kind = iota // a status that says nothing of the below
	KeyMissing              // a secret is not set
	KeyRefused              // 401 or 403, and a secret was sent
	Refused                 // 401 or 403 without a secret, and 451: it answers nobody from here
	CreditsUsed             // 402
	RateLimited             // 429; 418 is Binance's for those who went on; 403 with a time to wait
	BadRequest              // the other 4xx
	ServerError             // 5xx and 408
	Unreachable             // no answer: refused, reset, timed out
	NotRunning              // refused by this machine itself
	Untrusted               // TLS: the certificate is not the server's
	Redirected              // sent on too often, or with a secret
	NotJSON                 // some other text, such as a proxy's page
	NotRows                 // JSON without rows in their place
	NotFormat               // not what format says
	Truncated               // the body ended early
	TooLarge                // the body is larger than maxBytes
	Repeats                 // the answer has the secret in it
	Paging                  // the pages do not end, or are one page
)

var kinds = [...]struct{ name, hint string }{
	Unexpected:  {"unexpected answer", "check url in the block fetch"},
	KeyMissing:  {"no secret", "set the variable in the environment; write ${NAME?} in the file if the API answers without it as well"},
	KeyRefused:  {"secret refused", "check the variable, and whether the API's plan has what is asked for"},
	Refused:     {"refused", "the API wants a key, or does not answer from here: its text says which"},
	CreditsUsed: {"credits used up", "wait for the next month, or take a larger plan"},
	RateLimited: {"rate limited", "wait, or lower calls_a_minute in the block fetch"},
	BadRequest:  {"bad request", "the API does not take this request: compare url and query of the block fetch with its documentation"},
	ServerError: {"server error", "the API is in trouble; try again later"},
	Unreachable: {"unreachable", "check the network and url in the block fetch"},
	NotRunning:  {"nothing runs there", "start the server, or change url in the block fetch"},
	Untrusted:   {"not trusted", "check url, and whether a proxy stands in between"},
	Redirected:  {"redirect not followed", "write the address at the end of the way into url"},
	NotJSON:     {"not JSON", "check url and format in the block fetch, and whether a proxy or a login page stands in between"},
	NotRows:     {"no rows", "look at rows in the dataset's file: `at` says where the list of rows is"},
	NotFormat:   {"another format", "check format in the block fetch"},
	Truncated:   {"truncated", "the connection ends early; try again"},
	TooLarge:    {"too large", "ask for less at once: items, or paging"},
	Repeats:     {"the answer repeats the secret", "nothing of it was kept, because everybody who may read bronze would see it: send the secret as a header"},
	Paging:      {"pages", "check paging in the block fetch"},
}

func (k Kind) String() string { return kinds[k].name }

// Error is a failed call; it is a source.Failure.
type Error struct {
	Kind       Kind
	URL        string // without secrets, which are never in it
	Status     int    // 0 without an answer
	Detail     string // what the server said, shortened and without secrets; or what is wrong with its answer
	RetryAfter time.Duration
	Attempts   int
}

func (e *Error) Error() string {
	text := fmt.Sprintf("fetch %s: %s", e.URL, e.Kind)
	if e.Status != 0 {
		text += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (it wants to be left alone for %s)", e.RetryAfter.Round(time.Second))
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(" (after %d attempts)", e.Attempts)
	}
	return text + ": " + kinds[e.Kind].hint
}

// Retryable reports whether the same call may succeed later without anybody doing anything.
func (e *Error) Retryable() bool {
	switch e.Kind {
	case RateLimited, ServerError, Unreachable, Truncated:
		return true
	}
	return false
}

// Final reports whether the same call fails until a person changes something.
func (e *Error) Final() bool {
	switch e.Kind {
	case KeyMissing, KeyRefused, Refused, BadRequest, CreditsUsed, Redirected, Repeats, Paging:
		return true
	}
	return false
}

// Single reports whether the failure says something about this one call only, and others may succeed.
func (e *Error) Single() bool {
	switch e.Kind {
	case BadRequest, ServerError, Truncated, TooLarge, NotRows:
		return true
	}
	return false
}

// Wait is how long the source wants to be left alone. A rate limit is everybody's.
func (e *Error) Wait() (time.Duration, bool) { return e.RetryAfter, e.Kind == RateLimited }
