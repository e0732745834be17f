package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"millrace/reactor/health"
)

// Problem is an error that a page shows to people: with a status of HTTP, and with what to do.
type Problem struct {
	Status int
	Err    error
	// Advice is a sentence, or "".
	Advice string
}

func (p *Problem) Error() string { return p.Err.Error() }
func (p *Problem) Unwrap() error { return p.Err }

// NotFound is a Problem for an address that names something that is not there.
func NotFound(format string, args ...any) error {
	return &Problem{Status: http.StatusNotFound, Err: fmt.Errorf(format, args...)}
}

// BadRequest is a Problem for a request that cannot be meant so.
func BadRequest(format string, args ...any) error {
	return &Problem{Status: http.StatusBadRequest, Err: fmt.Errorf(format, args...)}
}

// problemOf makes a Problem of any error.
func problemOf(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.DeadlineExceeded):
		return &Problem{Status: http.StatusGatewayTimeout, Err: health.Plain(err), Advice: "It took too long. The page Now shows which part does not answer."}
	}
	return &Problem{Status: http.StatusInternalServerError, Err: err, Advice: "The page Now shows whether a part does not answer; the log of the reactor has more."}
}

// fail answers with a page that says what is wrong.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for it
	}
	p := problemOf(err)
	s.log(r, p)
	s.write(w, r, p.Status, s.problem, page{Title: http.StatusText(p.Status), Data: p})
}

// failure is a Problem as JSON.
type failure struct {
	Error  string `json:"error"`
	Advice string `json:"advice"`
}

// FailJSON answers a script with what is wrong.
func (s *Site) FailJSON(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	s.log(r, p)
	JSON(w, p.Status, failure{p.Error(), p.Advice})
}

// log keeps errors of the lake; those of the person who asked are none.
func (s *Site) log(r *http.Request, p *Problem) {
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.Log.Warn("a page of the console failed", "path", r.URL.Path, "error", p.Err)
	}
}
