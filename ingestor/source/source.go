// Package source is what all sources of bronze objects have in common: the answer to one call, with everything that bronze
// keeps of it, and what a failed call means for the others. A source is a package beside coincap that fetches Responses; the
// package landing puts them, whatever source they are of.
package source

import (
	"errors"
	"net/http"
	"time"

	"millrace/ingestor/bronze"
)

// Response is one answer of a source.
type Response struct {
	URL       string // as requested; a key is not part of it
	Status    int    // of HTTP
	FetchedAt time.Time
	Duration  time.Duration // of the attempt that succeeded
	Body      []byte        // exactly as received
	Credits   int           // what the call cost, in the source's own unit
	Synthetic bool          // made up by a simulator

	Place    bronze.Place      // where the body belongs
	Metadata map[string]string // what the body does not say of itself and the reactor needs, such as bronze.MetaAssetID

	Subject  string     // what it is about, such as an asset's slug; empty when it is about all of them
	From, To bronze.Day // the days that were asked for; none when it is of the moment
	Items    int        // rows in the body; 0 is "no data"
	Note     string     // what is odd about it although it is kept; empty for nothing
}

// NotFound reports a 404 or a 204: the source has nothing of what was asked for, and there is nothing worth keeping.
func (r *Response) NotFound() bool {
	return r.Status == http.StatusNotFound || r.Status == http.StatusNoContent
}

// Skipped is something that was not asked for, and why.
type Skipped struct{ Subject, Reason string }

// Failure is a call that failed, as far as it decides what to do about it. The errors of a source are Failures.
type Failure interface {
	error
	// Retryable reports whether the same call may succeed later without anybody doing anything.
	Retryable() bool
	// Final reports whether the same call fails until a person changes something: the key, the address, the request. What is
	// neither final nor retryable may be either.
	Final() bool
	// Single reports whether the failure says something about this one call only, and others may succeed. A refused key is of
	// no single call.
	Single() bool
}

// AsFailure finds the Failure in err; ok is false when err is not the source's.
func AsFailure(err error) (f Failure, ok bool) {
	ok = errors.As(err, &f)
	return f, ok
}
