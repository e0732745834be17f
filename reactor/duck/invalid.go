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
	return !OutOfMemory(err) && says(err, "IO Error", "FATAL Error", "INTERRUPT Error", "TransactionContext Error", "Connection Error") || ended(err)
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

// ended tells whether an error says that the database ended earlier.
func ended(err error) bool {
	var e *Error
	return errors.As(err, &e) && strings.Contains(e.Message, "database has been invalidated")
}

// Ended is closed when a defect of DuckDB has ended the database. It must be closed and opened again; a process does that best by
// ending itself.
func (db *DB) Ended() <-chan struct{} { return db.ended }

// watch notes an error that ended the database.
func (c *Conn) watch(err error) error {
	if c.db != nil && (Internal(err) || ended(err)) {
		c.db.end.Do(func() { close(c.db.ended) })
	}
	return err
}
