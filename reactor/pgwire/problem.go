package pgwire

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/reactor/duck"
)

// codedError is an error with PostgreSQL's code for it.
type codedError struct {
	error
	code string
}

func (e codedError) Unwrap() error { return e.error }

func coded(code string, err error) error { return codedError{err, code} }

// codes are those of DuckDB's kinds of errors.
var codes = []struct{ begins, code string }{
	{"Parser Error", "42601"}, {"Binder Error", "42703"}, {"Catalog Error", "42P01"}, {"Conversion Error", "22P02"}, {"Out of Range Error", "22003"},
	{"Permission Error", "42501"}, {"Out of Memory Error", "53200"}, {"Invalid Input Error", "22023"}, {"a query must end in a select", "25006"},
}

// codeOf is PostgreSQL's code for an error.
func codeOf(err error) string {
	var known codedError
	var of *duck.Error
	switch {
	case errors.As(err, &known):
		return known.code
	case errors.Is(err, errCancelled), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "57014"
	case errors.As(err, &of):
		for _, c := range codes {
			if strings.HasPrefix(of.Message, c.begins) {
				return c.code
			}
		}
	}
	return "XX000"
}

// response is an error as a client gets it.
func response(err error) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: codeOf(err), Message: strings.TrimPrefix(err.Error(), "duckdb: ")}
}
