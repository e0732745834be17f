package duck

import (
	"errors"
	"strings"
)

// Internal tells whether an error is a defect of DuckDB's. The database has ended with it: every statement after it fails.
func Internal(err error) bool { return says(err, "INTERNAL Error") }

// OfMachine tells whether a statement failed by what the machine lacks, or by what an earlier statement did to the database.
// Another statement would have failed just as well.
func OfMachine(err error) bool {
	return says(err, "IO Error", "FATAL Error", "INTERRUPT Error", "TransactionContext Error", "Connection Error") || ended(err)
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

// Ended is closed once DuckDB has ended the database because of a defect of its own. Nothing works on it any more; it must
// be closed and opened again, which a process does best by its own end.
func (db *DB) Ended() <-chan struct{} { return db.ended }

// watch notes an error after which the database is of no use.
func (c *Conn) watch(err error) error {
	if c.db != nil && (Internal(err) || ended(err)) {
		c.db.end.Do(func() { close(c.db.ended) })
	}
	return err
}
