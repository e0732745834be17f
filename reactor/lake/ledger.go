package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ownTables are those of millrace in the catalog's database. They share it with the pointers so that one transaction
// can write both; other engines do not look at them.
const ownTables = `
CREATE TABLE IF NOT EXISTS millrace_ledger (
	event_id TEXT PRIMARY KEY,
	` + entryTypes + `
);
CREATE INDEX IF NOT EXISTS millrace_ledger_by_key ON millrace_ledger (source_key);
CREATE INDEX IF NOT EXISTS millrace_ledger_by_sequence ON millrace_ledger (table_name, sequence_number);
CREATE TABLE IF NOT EXISTS millrace_runs (
	run TEXT NOT NULL,
	event_id TEXT NOT NULL,
	PRIMARY KEY (run, event_id)
);
CREATE TABLE IF NOT EXISTS millrace_pins (
	step BIGINT NOT NULL,
	table_name TEXT NOT NULL,
	snapshot_id BIGINT NOT NULL,
	sequence_number BIGINT NOT NULL,
	committed_us BIGINT NOT NULL,
	PRIMARY KEY (step, table_name)
)`

// Outcomes of an event in the ledger.
const (
	OutcomeDone = "done" // its rows are in the table, or lost to newer ones
	OutcomeDead = "dead" // its object cannot be read, or nobody waits for it
)

// Entry is what the ledger knows of one event.
type Entry struct {
	EventID       string
	Table         string // of silver that it was meant for, "" when none is
	SourceKey     string
	SourceVersion string
	ModifiedAt    time.Time
	Outcome       string
	Reason        string // why it is dead
	// SnapshotID and Sequence are the snapshot of Table that holds the event's effect, 0 while the table is empty.
	SnapshotID int64
	Sequence   int64
	Run        string // the replay that brought the event last, or ""
	At         time.Time
}

// Record writes entries; what the ledger said of the same events before is replaced.
func (t *Tx) Record(ctx context.Context, entries ...Entry) error {
	if t.branch != nil {
		return t.stage(ctx, entries)
	}
	for _, e := range entries {
		_, err := t.exec(ctx, `INSERT INTO millrace_ledger
			(`+ledgerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (event_id) `+replaceEntry, e.values()...)
		if err != nil {
			return fmt.Errorf("record event of %s: %w", e.SourceKey, err)
		}
		if e.Run == "" {
			continue
		}
		// Beside the ledger, whose row names the last run only: two replays at once must both come to their end.
		if _, err := t.exec(ctx, `INSERT INTO millrace_runs (run, event_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, e.Run, e.EventID); err != nil {
			return fmt.Errorf("record event of %s in replay %s: %w", e.SourceKey, e.Run, err)
		}
	}
	return nil
}

// Record writes entries of events that changed no table.
func (l *Lake) Record(ctx context.Context, entries ...Entry) error {
	return l.catalog.write(ctx, func(tx *Tx) error { return tx.Record(ctx, entries...) })
}

// entryTypes are the columns of an entry behind the event's id.
const entryTypes = `table_name TEXT NOT NULL,
	source_key TEXT NOT NULL,
	source_version TEXT NOT NULL,
	modified_ms BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	reason TEXT NOT NULL,
	snapshot_id BIGINT NOT NULL,
	sequence_number BIGINT NOT NULL,
	run TEXT NOT NULL,
	committed_us BIGINT NOT NULL`

// replaceEntry is what becomes of the entry that an event has already.
const replaceEntry = `DO UPDATE SET table_name = excluded.table_name, outcome = excluded.outcome, reason = excluded.reason,
	snapshot_id = excluded.snapshot_id, sequence_number = excluded.sequence_number, run = excluded.run, committed_us = excluded.committed_us`

// values are those of ledgerColumns.
func (e Entry) values() []any {
	return []any{e.EventID, e.Table, e.SourceKey, e.SourceVersion, e.ModifiedAt.UnixMilli(), e.Outcome, e.Reason, e.SnapshotID, e.Sequence, e.Run, e.At.UnixMicro()}
}

// ledgerColumns are those that scanEntry reads.
const ledgerColumns = `event_id, table_name, source_key, source_version, modified_ms, outcome, reason, snapshot_id, sequence_number, run, committed_us`

func scanEntry(rows interface{ Scan(...any) error }) (Entry, error) {
	var e Entry
	var ms, us int64
	err := rows.Scan(&e.EventID, &e.Table, &e.SourceKey, &e.SourceVersion, &ms, &e.Outcome, &e.Reason, &e.SnapshotID, &e.Sequence, &e.Run, &us)
	e.ModifiedAt, e.At = time.UnixMilli(ms).UTC(), time.UnixMicro(us).UTC()
	return e, err
}

// Entry finds what the ledger knows of an event; ok is false when it knows nothing yet.
func (l *Lake) Entry(ctx context.Context, eventID string) (e Entry, ok bool, err error) {
	e, err = scanEntry(l.catalog.db.QueryRowContext(ctx, l.catalog.bind(`SELECT `+ledgerColumns+` FROM millrace_ledger WHERE event_id = ?`), eventID))
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("read ledger: %w", err)
	}
	return e, true, nil
}

// Outcomes are what the ledger says of events that were meant for a table; those it does not know are left out.
func (l *Lake) Outcomes(ctx context.Context, table string, eventIDs []string) (map[string]string, error) {
	outcomes := map[string]string{}
	for part := range slices.Chunk(eventIDs, 500) {
		args := []any{table}
		for _, id := range part {
			args = append(args, id)
		}
		rows, err := l.catalog.db.QueryContext(ctx, l.catalog.bind(`SELECT event_id, outcome FROM millrace_ledger
			WHERE table_name = ? AND event_id IN (?`+strings.Repeat(", ?", len(part)-1)+`)`), args...)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		for rows.Next() {
			var id, outcome string
			if err := rows.Scan(&id, &outcome); err != nil {
				return nil, errors.Join(fmt.Errorf("read ledger: %w", err), rows.Close())
			}
			outcomes[id] = outcome
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
	}
	return outcomes, nil
}

// Known are those of the event ids that the ledger has.
func (l *Lake) Known(ctx context.Context, ids []string) (map[string]bool, error) {
	known := make(map[string]bool, len(ids))
	for part := range slices.Chunk(ids, 500) { // SQLite allows 32,766 parameters, older builds 999
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		rows, err := l.catalog.db.QueryContext(ctx, l.catalog.bind(`SELECT event_id FROM millrace_ledger
			WHERE event_id IN (?`+strings.Repeat(", ?", len(part)-1)+`)`), args...)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return nil, errors.Join(fmt.Errorf("read ledger: %w", err), rows.Close())
			}
			known[id] = true
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
	}
	return known, nil
}

// Arrived are the times at which the objects were put that live events brought into a silver table after one sequence
// number and up to another; at most 10,000 of them.
func (l *Lake) Arrived(ctx context.Context, name string, after, upTo int64) ([]time.Time, error) {
	_, own, err := cutName(name)
	if err != nil {
		return nil, err
	}
	rows, err := l.catalog.db.QueryContext(ctx, l.catalog.bind(`SELECT modified_ms FROM millrace_ledger
		WHERE table_name = ? AND sequence_number > ? AND sequence_number <= ? AND outcome = 'done' AND run = '' LIMIT 10000`), own, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	var times []time.Time
	for rows.Next() {
		var ms int64
		if err := rows.Scan(&ms); err != nil {
			return nil, errors.Join(fmt.Errorf("read ledger: %w", err), rows.Close())
		}
		times = append(times, time.UnixMilli(ms))
	}
	return times, errors.Join(rows.Err(), rows.Close())
}

// EmptyLedger tells whether the ledger has no entry at all.
func (l *Lake) EmptyLedger(ctx context.Context) (bool, error) {
	var there bool
	if err := l.catalog.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM millrace_ledger)`).Scan(&there); err != nil {
		return false, fmt.Errorf("read ledger: %w", err)
	}
	return !there, nil
}

// Entries calls f for each entry of the ledger, by event id, until f fails.
func (l *Lake) Entries(ctx context.Context, f func(Entry) error) error {
	return l.eachEntry(ctx, f, `millrace_ledger ORDER BY event_id`)
}

// eachEntry calls f for each entry that a query from some table gives, until f fails.
func (l *Lake) eachEntry(ctx context.Context, f func(Entry) error, from string, args ...any) error {
	rows, err := l.catalog.db.QueryContext(ctx, l.catalog.bind(`SELECT `+ledgerColumns+` FROM `+from), args...)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	for rows.Next() {
		e, err := scanEntry(rows)
		if err == nil {
			err = f(e)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// ForgetRuns forgets which events the replays before the last keep ones had; the ledger names each event's last run all the
// same. Names of runs begin with their time.
func (l *Lake) ForgetRuns(ctx context.Context, keep int) error {
	return l.catalog.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, `DELETE FROM millrace_runs WHERE run NOT IN (SELECT DISTINCT run FROM millrace_runs ORDER BY run DESC LIMIT ?)`, keep)
		if err != nil {
			return fmt.Errorf("forget old replays: %w", err)
		}
		return nil
	})
}

// CountRun counts the events of a replay that have been worked on.
func (l *Lake) CountRun(ctx context.Context, run string) (n int, err error) {
	err = l.catalog.db.QueryRowContext(ctx, l.catalog.bind(`SELECT count(*) FROM millrace_runs WHERE run = ?`), run).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read ledger: %w", err)
	}
	return n, nil
}
