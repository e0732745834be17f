package lake

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// unheld stands in an entry of a removal where the snapshot was that shows it: no table shows it for certain.
const unheld = -1

// Undone returns the removals that a table does not show any more: it was rolled back to a snapshot from before them, by millrace or
// by another engine, and the rows of the deleted versions may be in it again. A removal names the snapshot that showed it first; it
// holds where the current snapshot was made from that one. Snapshots of which only newer ones are kept tell nothing, and need not: a
// rollback leaves a gap in the numbers that are kept, and the removals in the gap are those it took back.
//
// On a branch nothing is undone: its publication asks whether main has moved.
func (l *Lake) Undone(ctx context.Context, t *Table) (entries []Entry, err error) {
	if l.branch != nil {
		return nil, nil
	}
	id, err := parseName(t.Name)
	if err != nil {
		return nil, err
	}
	var chain []int64
	var oldest int64
	for s := range t.ancestry() {
		chain, oldest = append(chain, s.SnapshotID), s.SequenceNumber
	}
	err = l.eachEntry(ctx, l.undone(id.Name, chain, oldest), func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// undone selects the removals of a table that no snapshot of the chain shows, and none before the oldest of them can.
func (l *Lake) undone(table string, chain []int64, oldest int64) *bun.SelectQuery {
	since := bun.SafeQuery("snapshot_id = ?", unheld)
	if len(chain) > 0 {
		since = bun.SafeQuery("snapshot_id = ? OR sequence_number >= ? AND snapshot_id NOT IN (?)", unheld, oldest, bun.List(chain))
	}
	return l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Where("table_name = ? AND outcome = ? AND (?)", table, OutcomeRemoved, since).
		Order("modified_ms", "event_id")
}

// LetGoOfRemovals says in the ledger that no table shows for certain what removals did, so that each is done again.
func (t *Tx) LetGoOfRemovals(ctx context.Context) error {
	if _, err := t.tx.NewUpdate().Model((*ledgerRow)(nil)).Set("snapshot_id = ?", unheld).Where("outcome = ?", OutcomeRemoved).Exec(ctx); err != nil {
		return fmt.Errorf("let go of removals: %w", err)
	}
	return nil
}
