package lake

import "github.com/apache/iceberg-go/table"

// Stretch is a part of a table's history: the commits after From, which is nil for the empty table, up to To.
type Stretch struct{ From, To *table.Snapshot }

// Stretches returns the parts of the way from an earlier snapshot (nil: the empty table) to the current one in which rows may have
// changed. It leaves out upkeep's commits, which write the same rows into other files: to compare 18 million rows with themselves takes more
// memory than DuckDB has. If the earlier snapshot is none of those that led to the current one, or one between them is not kept, the whole
// is one stretch. A stretch may name files that are not live any more; they are there as long as its snapshots.
func (t *Table) Stretches(from *table.Snapshot) []Stretch {
	var way []*table.Snapshot // the newest first
	complete := false
	for s := range t.ancestry() {
		if complete = s.SnapshotID == IDOf(from); complete {
			break
		}
		way = append(way, s)
		complete = from == nil && s.ParentSnapshotID == nil
	}
	if !complete {
		return []Stretch{{from, t.Snapshot()}}
	}
	var parts []Stretch
	for i, s := range way {
		before := from
		if i+1 < len(way) {
			before = way[i+1]
		}
		switch last := len(parts) - 1; {
		case rewritten(s):
		case last >= 0 && parts[last].From == s:
			parts[last].From = before
		default:
			parts = append(parts, Stretch{before, s})
		}
	}
	return parts
}

// rewritten tells whether a snapshot is upkeep's. Another engine's word that it changed no row is not taken.
func rewritten(s *table.Snapshot) bool {
	return s.Summary != nil && s.Summary.Operation == table.OpReplace && Own(s)
}
