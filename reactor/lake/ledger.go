package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Outcomes of an event in the ledger.
const (
	OutcomeDone    = "done"    // its rows are in the table, or lost to newer ones
	OutcomeDead    = "dead"    // its object cannot be read, or nobody waits for it
	OutcomeRemoved = "removed" // its object version was deleted, and its rows are gone; if the object is there again it is unknown
	// OutcomeOutdated: an earlier definition of its dataset read the object. Its rows may be in the table, and it is read again.
	OutcomeOutdated = "outdated"
)

// Entry is what the ledger knows of one event.
type Entry struct {
	EventID       string
	Table         string `bun:"table_name"` // of silver that it was meant for, "" when none is
	SourceKey     string
	SourceVersion string
	ModifiedAt    time.Time `bun:"-"`
	Outcome       string
	Reason        string // why it is dead
	// SnapshotID and Sequence are the snapshot of Table that holds the event's effect, 0 while the table is empty.
	SnapshotID int64
	Sequence   int64     `bun:"sequence_number"`
	Run        string    // the replay that brought the event last, or ""
	At         time.Time `bun:"-"`
}

// Held tells whether the event's rows may be in the table.
func (e Entry) Held() bool { return e.Outcome == OutcomeDone || e.Outcome == OutcomeOutdated }

// ledgerRow is an entry as the database holds it, in the ledger and in the staging of a branch.
type ledgerRow struct {
	bun.BaseModel `bun:"table:millrace_ledger,alias:e"`
	Entry
	ModifiedMS  int64 `bun:"modified_ms"`
	CommittedUS int64 `bun:"committed_us"`
}

func rowOf(e Entry) ledgerRow {
	return ledgerRow{Entry: e, ModifiedMS: e.ModifiedAt.UnixMilli(), CommittedUS: e.At.UnixMicro()}
}

func (r *ledgerRow) entry() Entry {
	r.ModifiedAt, r.At = time.UnixMilli(r.ModifiedMS).UTC(), time.UnixMicro(r.CommittedUS).UTC()
	return r.Entry
}

const (
	// rowsAtOnce is how many entries one statement writes. A statement of SQLite has at most a million characters.
	rowsAtOnce = 100
	// idsAtOnce is how many events one statement asks for.
	idsAtOnce = 500
	// replaceEntry is what becomes of the entry that an event has already. Its object is the same, for the event's id says which.
	replaceEntry = `table_name = excluded.table_name, outcome = excluded.outcome, reason = excluded.reason, snapshot_id = excluded.snapshot_id,
		sequence_number = excluded.sequence_number, run = excluded.run, committed_us = excluded.committed_us`
)

// Record writes entries. They replace what the ledger said of the same events before.
func (t *Tx) Record(ctx context.Context, entries ...Entry) error {
	if err := t.recordEntries(ctx, entries); err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	if t.branch != nil {
		return nil // the runs of a branch are counted by its entries
	}
	if err := t.recordRuns(ctx, entries); err != nil {
		return fmt.Errorf("record events of replays: %w", err)
	}
	return nil
}

// recordEntries writes entries into the ledger, or into the staging of a branch.
func (t *Tx) recordEntries(ctx context.Context, entries []Entry) error {
	for some := range slices.Chunk(lastOfEach(entries), rowsAtOnce) {
		rows := make([]ledgerRow, len(some))
		for i, e := range some {
			rows[i] = rowOf(e)
		}
		insert := t.tx.NewInsert().Model(&rows).On("CONFLICT (event_id) DO UPDATE")
		if t.branch != nil {
			staged := t.branch.stagedRows(rows)
			insert = t.tx.NewInsert().Model(&staged).On("CONFLICT (branch, event_id) DO UPDATE")
		}
		if _, err := insert.Set(replaceEntry).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lastOfEach drops all entries of an event but the last: one statement must not write a row twice.
func lastOfEach(entries []Entry) []Entry {
	last := make(map[string]int, len(entries))
	for i, e := range entries {
		last[e.EventID] = i
	}
	if len(last) == len(entries) {
		return entries
	}
	kept := make([]Entry, 0, len(last))
	for i, e := range entries {
		if last[e.EventID] == i {
			kept = append(kept, e)
		}
	}
	return kept
}

// Record writes entries of events that changed no table.
func (l *Lake) Record(ctx context.Context, entries ...Entry) error {
	return l.catalog.write(ctx, func(tx *Tx) error {
		tx.branch = l.branch
		return tx.Record(ctx, entries...)
	})
}

// Entry finds what the ledger knows of an event; ok is false when it knows nothing yet.
func (l *Lake) Entry(ctx context.Context, eventID string) (e Entry, ok bool, err error) {
	var row ledgerRow
	err = l.catalog.db.NewSelect().Model(&row).Where("event_id = ?", eventID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("read ledger: %w", err)
	}
	return row.entry(), true, nil
}

// Outcomes tells what the ledger says of events that were meant for a table. It leaves out those that the ledger does not know.
func (l *Lake) Outcomes(ctx context.Context, table string, eventIDs []string) (map[string]string, error) {
	outcomes := make(map[string]string, len(eventIDs))
	for some := range slices.Chunk(eventIDs, idsAtOnce) {
		var rows []struct{ EventID, TableName, Outcome string }
		if err := l.events(some).Column("table_name", "outcome").Scan(ctx, &rows); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		for _, r := range rows {
			// The table is compared here: with it in the statement, SQLite goes through all entries of the table in place of the ids.
			if r.TableName == table {
				outcomes[r.EventID] = r.Outcome
			}
		}
	}
	return outcomes, nil
}

// Known tells which of the events the ledger has. An event whose object was removed is unknown: if a backup of the bucket brings the
// object back, it is new. So is one that an earlier definition read.
func (l *Lake) Known(ctx context.Context, eventIDs []string) (map[string]bool, error) {
	return l.these(ctx, eventIDs, "outcome NOT IN (?, ?)", OutcomeRemoved, OutcomeOutdated)
}

// these returns those of the events whose entries meet a condition.
func (l *Lake) these(ctx context.Context, eventIDs []string, condition string, arguments ...any) (map[string]bool, error) {
	found := make(map[string]bool, len(eventIDs))
	for some := range slices.Chunk(eventIDs, idsAtOnce) {
		var ids []string
		if err := l.events(some).Where(condition, arguments...).Scan(ctx, &ids); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	return found, nil
}

// events asks for the ids of those events that the ledger has.
func (l *Lake) events(ids []string) *bun.SelectQuery {
	return l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Column("event_id").Where("event_id IN (?)", bun.List(ids))
}

// Before tells whether silver tables hold an object that no event has brought since a time: the ledger knows when each was brought
// last.
func (l *Lake) Before(ctx context.Context, names []string, at time.Time) (bool, error) {
	for _, name := range names {
		id, err := parseName(name)
		if err != nil {
			return false, err
		}
		there, err := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).
			Where("table_name = ? AND outcome IN (?, ?) AND committed_us < ?", id.Name, OutcomeDone, OutcomeOutdated, at.UnixMicro()).Exists(ctx)
		if err != nil {
			return false, fmt.Errorf("read ledger: %w", err)
		}
		if there {
			return true, nil
		}
	}
	return false, nil
}

// Arrived gives the times at which objects were put that live events brought into a silver table, after one sequence number and
// up to another; at most 10,000 of them.
func (l *Lake) Arrived(ctx context.Context, name string, after, upTo int64) ([]time.Time, error) {
	id, err := parseName(name)
	if err != nil {
		return nil, err
	}
	var stamps []int64
	if err := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Column("modified_ms").
		Where("table_name = ? AND sequence_number > ? AND sequence_number <= ? AND outcome = ? AND run = ''", id.Name, after, upTo, OutcomeDone).
		Limit(10000).Scan(ctx, &stamps); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	times := make([]time.Time, len(stamps))
	for i, ms := range stamps {
		times[i] = time.UnixMilli(ms)
	}
	return times, nil
}

// EmptyLedger tells whether the ledger has no entry at all.
func (l *Lake) EmptyLedger(ctx context.Context) (bool, error) {
	there, err := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("read ledger: %w", err)
	}
	return !there, nil
}

// Entries calls f for each entry of the ledger, by event id, until f fails.
func (l *Lake) Entries(ctx context.Context, f func(Entry) error) error {
	return l.eachEntry(ctx, l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Order("event_id"), f)
}

// EntriesOf gives what the ledger knows of the events of one object's versions, oldest first.
func (l *Lake) EntriesOf(ctx context.Context, key string) (entries []Entry, err error) {
	q := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Where("source_key = ?", key).Order("modified_ms", "event_id")
	err = l.eachEntry(ctx, q, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// eachEntry calls f for each entry that a query finds, until f fails. It holds one row in memory, however many there are.
func (l *Lake) eachEntry(ctx context.Context, q *bun.SelectQuery, f func(Entry) error) error {
	rows, err := q.Rows(ctx)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	for rows.Next() {
		var row ledgerRow
		if err := l.catalog.db.ScanRow(ctx, rows, &row); err != nil {
			return errors.Join(fmt.Errorf("read ledger: %w", err), rows.Close())
		}
		if err := f(row.entry()); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
