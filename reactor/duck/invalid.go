package duck

import (
	"errors"
	"strings"
)

// Internal tells whether an error is a defect of DuckDB. It ended the database: every later statement fails.
func Internal(err error) bool { return says(err, "INTERNAL Error") }

// OfMachine tells whether a statement failed because of the machine, or because an earlier statement ended the database or the
// transaction. Any other statement would have failed too.
func OfMachine(err error) bool {
	return says(err, "IO Error", "FATAL Error", "INTERRUPT Error", "TransactionContext Error", "Connection Error") || ended(err) || failedCommit(err)
}

func says(err error, prefixes ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, p := range prefixes {
		if strings.HasPrefix(e.Message, p) {
			return true
		}
	}
	return false
}

// hasEnded is what a statement of a database that has ended is told. DuckDB's own words for it begin alike.
const hasEnded = invalidated + " because of a failure before: it must be opened again"

const invalidated = "database has been invalidated"

// ended tells whether an error says that the database ended earlier.
func ended(err error) bool { return mentions(err, invalidated) }

// failedCommit tells whether a statement's commit failed, as for want of memory. DuckDB takes such a commit back only in part: rows that are
// inserted into the table later get the wrong values, and a table that was replaced cannot be replaced again. So the database must end.
func failedCommit(err error) bool { return mentions(err, "Failed to commit") }

func mentions(err error, text string) bool {
	var e *Error
	return errors.As(err, &e) && strings.Contains(e.Message, text)
}

// Ended is closed when DuckDB has ended the database by a defect of its own, or has failed to commit. No statement runs any more. It must be
// closed and opened again; a process does that best by ending itself.
func (db *DB) Ended() <-chan struct{} { return db.ended }

// watch notes an error that ended the database.
func (c *Conn) watch(err error) error {
	if Internal(err) || ended(err) || failedCommit(err) {
		c.db.end.Do(func() { close(c.db.ended) })
	}
	return err
}
