package lake

import "github.com/apache/iceberg-go/table"

// Stretch is a part of a table's history: the commits after From, which is nil for the empty table, up to To.
type Stretch struct{ From, To *table.Snapshot }

// Stretches returns the parts of the way from an earlier snapshot (nil: the empty table) to the current one in which rows may have
// changed. It leaves out upkeep's commits, which write the same rows into other files: to compare 18 million rows with themselves takes more
// memory than DuckDB has. If the earlier snapshot is none of those that led to the current one, or one between them is not kept, the whole
// is one stretch. A stretch may name files that are not live any more; they are there as long as its snapshots.
func (t *Table) Stretches(from *table.Snapshot) []Stretch {
	to := t.Snapshot()
	whole := []Stretch{{from, to}}
	var parts []Stretch
	first := to // the oldest that was looked at
	for s := range t.ancestry() {
		if first = s; s.SnapshotID == IDOf(from) {
			break
		}
		if to == nil {
			to = s
		}
		if rewritten(s) {
			if s.SnapshotID != to.SnapshotID {
				parts = append(parts, Stretch{s, to})
			}
			to = nil
		}
	}
	switch {
	case first == nil || from == nil && first.ParentSnapshotID != nil || from != nil && first.SnapshotID != from.SnapshotID:
		return whole
	case to != nil && to.SnapshotID != IDOf(from):
		parts = append(parts, Stretch{from, to})
	}
	return parts
}

// rewritten tells whether a snapshot is upkeep's. Another engine's word that it changed no row is not taken.
func rewritten(s *table.Snapshot) bool {
	return s.Summary != nil && s.Summary.Operation == table.OpReplace && Own(s)
}
