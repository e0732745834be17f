package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Entry is what the ledger says of one object version.
type Entry struct{ Key, Version, Table, Outcome, Reason, Run string }

// Object names the object version, as Version does.
func (e Entry) Object() string { return Version(e.Key, e.Version) }

// Version is the name of an object version in this package: its key, a space, its version.
func Version(key, version string) string { return key + " " + version }

// Split takes a name of Version apart. A key may hold spaces, a version does not.
func Split(object string) (key, version string) {
	i := strings.LastIndexByte(object, ' ')
	return object[:i], object[i+1:]
}

// Ledger reads all entries.
func (c *Catalog) Ledger(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	err := c.each(ctx, "ledger", `SELECT source_key, source_version, table_name, outcome, reason, run FROM millrace_ledger`, func(rows *sql.Rows) error {
		var e Entry
		err := rows.Scan(&e.Key, &e.Version, &e.Table, &e.Outcome, &e.Reason, &e.Run)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

// Entries counts the entries, of whatever outcome.
func (c *Catalog) Entries(ctx context.Context) (n int, err error) {
	if err := c.db.QueryRowContext(ctx, `SELECT count(*) FROM millrace_ledger`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the ledger's entries: %w", err)
	}
	return n, nil
}

// Settled counts the entries of each object version that are done or dead.
func (c *Catalog) Settled(ctx context.Context) (map[string]int, error) {
	entries := map[string]int{}
	err := c.each(ctx, "ledger", `SELECT source_key || ' ' || source_version, count(*) FROM millrace_ledger WHERE outcome IN ('done', 'dead') GROUP BY 1`, func(rows *sql.Rows) error {
		var object string
		var n int
		err := rows.Scan(&object, &n)
		entries[object] = n
		return err
	})
	return entries, err
}

// Knows tells whether the ledger has an entry of any version of a key.
func (c *Catalog) Knows(ctx context.Context, key string) (bool, error) {
	return found(c.db.QueryRowContext(ctx, `SELECT 1 FROM millrace_ledger WHERE source_key = ? LIMIT 1`, key))
}

// Unknown returns the object versions that the ledger does not know. With an error it also returns those that it did not look for.
func (c *Catalog) Unknown(ctx context.Context, objects []string) (left []string, err error) {
	for i, object := range objects {
		key, version := Split(object)
		known, err := found(c.db.QueryRowContext(ctx, `SELECT 1 FROM millrace_ledger WHERE source_key = ? AND source_version = ?`, key, version))
		if err != nil {
			return append(left, objects[i:]...), err
		}
		if !known {
			left = append(left, object)
		}
	}
	return left, nil
}

func found(row *sql.Row) (bool, error) {
	var one int
	err := row.Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the ledger: %w", err)
	}
	return true, nil
}

// Latency reads how long after its put each object version was committed to silver.
func (c *Catalog) Latency(ctx context.Context) (map[string]time.Duration, error) {
	took := map[string]time.Duration{}
	err := c.each(ctx, "ledger", `SELECT source_key || ' ' || source_version, committed_us - modified_ms * 1000 FROM millrace_ledger WHERE outcome = 'done'`, func(rows *sql.Rows) error {
		var object string
		var us int64
		err := rows.Scan(&object, &us)
		took[object] = time.Duration(us) * time.Microsecond
		return err
	})
	return took, err
}

// FirstCommit is when the first entry was committed after a moment; the zero time when none was.
func (c *Catalog) FirstCommit(ctx context.Context, after time.Time) (time.Time, error) {
	var us sql.NullInt64
	err := c.db.QueryRowContext(ctx, `SELECT min(committed_us) FROM millrace_ledger WHERE committed_us > ?`, after.UnixMicro()).Scan(&us)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the ledger: %w", err)
	}
	if !us.Valid {
		return time.Time{}, nil
	}
	return time.UnixMicro(us.Int64), nil
}

// Writing counts the transactions in PostgreSQL that have written and whose program does nothing at this moment.
func (c *Catalog) Writing(ctx context.Context) (n int, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xid IS NOT NULL`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look at the transactions: %w", err)
	}
	return n, nil
}
