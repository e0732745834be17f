package proof

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// Foreign is a snapshot of a table that neither a promoter nor upkeep made.
type Foreign struct {
	Snapshot, Parent int64
	At               time.Time
	By               string // what the engine wrote of itself
}

func (f *Foreign) String() string {
	return fmt.Sprintf("snapshot %d of %s by %s", f.Snapshot, f.At.Format(time.RFC3339), f.By)
}

// foreignSnapshots returns the snapshots that other engines made, among those that lead to the current one, the newest first. What was
// done before the last repair is mended.
func foreignSnapshots(t *lake.Table) []*table.Snapshot {
	var all []*table.Snapshot
	for s := t.Snapshot(); s != nil && !lake.Repaired(s); {
		if s.Summary == nil || s.Summary.Operation != table.OpReplace && !lake.Own(s) {
			all = append(all, s)
		}
		if s.ParentSnapshotID == nil {
			break
		}
		s = t.Meta.SnapshotByID(*s.ParentSnapshotID)
	}
	return all
}

// blame finds the newest snapshot of another engine that changed one of the wrong rows. Where the snapshot before is not kept, it
// cannot be seen what a snapshot changed, and then it may be that one.
func (c comparison) blame(ctx context.Context, wrong []Wrong) (*Foreign, error) {
	var unsure *Foreign
	for _, s := range foreignSnapshots(c.table) {
		f := &Foreign{Snapshot: s.SnapshotID, At: time.UnixMilli(s.TimestampMs).UTC(), By: lake.MadeBy(s)}
		var parent *table.Snapshot
		if s.ParentSnapshotID != nil {
			f.Parent = *s.ParentSnapshotID
			if parent = c.table.Meta.SnapshotByID(f.Parent); parent == nil {
				unsure = f
				continue
			}
		}
		changed, err := c.changed(ctx, parent, s, wrong)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil { // a file of a former snapshot is not there any more
			unsure = f
			continue
		}
		if changed {
			return f, nil
		}
	}
	return unsure, nil
}

// changed tells whether one of the rows came to be wrong between two snapshots: one that is missing went, one that is too many came.
func (c comparison) changed(ctx context.Context, from, to *table.Snapshot, wrong []Wrong) (bool, error) {
	added, removed, err := c.lake.Diff(ctx, c.table, from, to)
	if err != nil {
		return false, err
	}
	for name, files := range map[string][]lake.File{"came": added, "went": removed} {
		if err := c.conn.Exec(ctx, fmt.Sprintf("create or replace temp table %s as select %s from %s limit 0", name, duck.Identifiers("", c.columns), c.expected)); err != nil {
			return false, err
		}
		if _, err := rows.Insert(ctx, c.conn, name, rows.Source{Lake: c.lake, Table: c.table, Files: files, Change: only(c.columns)}); err != nil {
			return false, err
		}
	}
	if err := c.compare(ctx, c.columns, "came", "went"); err != nil {
		return false, err
	}
	came := make([]string, len(wrong))
	for i, w := range wrong {
		came[i] = fmt.Sprintf("key = %s and (n > 0) = %t", duck.Quote(w.Key), w.Excess)
	}
	n, err := c.conn.Ints(ctx, "select count(*) from difference where "+strings.Join(came, " or "))
	if err != nil {
		return false, err
	}
	return n[0] > 0, c.conn.Exec(ctx, "drop table came; drop table went")
}
