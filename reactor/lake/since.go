package lake

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Since returns the entries of a table of silver that were written while the table had a sequence number, or later. table has no
// namespace.
func (l *Lake) Since(ctx context.Context, table string, sequence int64) (entries []Entry, err error) {
	q := since(l.catalog.db, table, sequence).Order("event_id")
	err = l.eachEntry(ctx, q, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

func since(db bun.IDB, table string, sequence int64) *bun.SelectQuery {
	return db.NewSelect().Model((*ledgerRow)(nil)).Where("table_name = ? AND sequence_number >= ?", table, sequence)
}

// Tally counts the entries that Since returns. Events that change no table leave its pointer alone, and only the ledger tells of
// them.
type Tally struct{ Entries, Removed int }

// TallyOf counts entries.
func TallyOf(entries []Entry) Tally {
	t := Tally{Entries: len(entries)}
	for _, e := range entries {
		if e.Outcome == OutcomeRemoved {
			t.Removed++
		}
	}
	return t
}

// Still fails with ErrConflict when the ledger has other entries since a sequence number than were counted.
func (t *Tx) Still(ctx context.Context, table string, sequence int64, counted Tally) error {
	var now Tally
	err := since(t.tx, table, sequence).ColumnExpr("count(*) AS entries, count(CASE WHEN outcome = ? THEN 1 END) AS removed", OutcomeRemoved).
		Scan(ctx, &now.Entries, &now.Removed)
	if err != nil {
		return fmt.Errorf("count the events of %s: %w", table, err)
	}
	if now != counted {
		return fmt.Errorf("events of silver.%s came in meanwhile: %w", table, ErrConflict)
	}
	return nil
}

// Unmoved fails with ErrConflict when a table's pointer names other metadata than was read. An event that changes nothing was
// compared with the rows that were there: if these are others by now, it may change something. The statement writes, because a
// transaction of SQLite that reads first can lose its turn for good, and because PostgreSQL then keeps the row until the commit.
func (t *Tx) Unmoved(ctx context.Context, read *Table) error {
	if t.branch != nil {
		return nil // nobody else writes to a branch
	}
	id, err := parseName(read.Name)
	if err != nil {
		return err
	}
	n, err := affected(t.tx.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = metadata_location
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`, CatalogName, id.Namespace, id.Name, read.Location))
	if err != nil {
		return fmt.Errorf("hold the pointer of %s: %w", read.Name, err)
	}
	if n == 0 {
		return fmt.Errorf("hold the pointer of %s: %w", read.Name, ErrConflict)
	}
	return nil
}
