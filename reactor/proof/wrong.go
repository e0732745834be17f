package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// namedRows is how many wrong rows of a table are named.
const namedRows = 5

// Wrong is a row in which a table differs from what bronze gives.
type Wrong struct {
	Key    string // values of the key, a blank between them
	Excess bool   // the table has it; else the table lacks it
}

func (w Wrong) String() string {
	if w.Excess {
		return "too many: " + w.Key
	}
	return "missing: " + w.Key
}

// wrong names the first rows of the table difference, as many as still have room.
func (c comparison) wrong(ctx context.Context, v *Verdict) error {
	room := namedRows - len(v.Wrong)
	if room <= 0 {
		return nil
	}
	r, err := c.conn.Query(ctx, fmt.Sprintf("select key, n < 0 from difference where n <> 0 order by key, n limit %d", room))
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		keys, excess := r.RecordBatch().Column(0).(*array.String), r.RecordBatch().Column(1).(*array.Boolean)
		for i := range keys.Len() {
			v.Wrong = append(v.Wrong, Wrong{strings.Clone(keys.Value(i)), excess.Value(i)})
		}
	}
	return r.Err()
}

// datasetOf returns the dataset that fills a table of silver, which is one that Check expects.
func datasetOf(table string) *silver.Dataset {
	all := datasets.All()
	return all[slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.Table == table })]
}

// keySQL is the text of a row's key.
func keySQL(key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = "coalesce(" + duck.Identifier(k) + "::varchar, 'null')"
	}
	return "concat_ws(' ', " + strings.Join(parts, ", ") + ")"
}

// Foreign is the latest snapshot of a table that neither a promoter nor upkeep made.
type Foreign struct {
	Snapshot, Parent int64
	At               time.Time
	By               string // what the engine wrote of itself
}

// foreign finds the latest snapshot that another engine made, among those that lead to the current one; nil when there is none.
func foreign(t *lake.Table) *Foreign {
	for s := t.Snapshot(); s != nil; {
		if s.Summary == nil || s.Summary.Operation != table.OpReplace && lake.OwnSummary(s) == "" {
			f := &Foreign{Snapshot: s.SnapshotID, At: time.UnixMilli(s.TimestampMs).UTC(), By: engineOf(s)}
			if s.ParentSnapshotID != nil {
				f.Parent = *s.ParentSnapshotID
			}
			return f
		}
		if s.ParentSnapshotID == nil {
			return nil
		}
		s = t.Meta.SnapshotByID(*s.ParentSnapshotID)
	}
	return nil
}

// engineOf says what an engine wrote of itself into a snapshot's summary.
func engineOf(s *table.Snapshot) string {
	if s.Summary == nil {
		return "an engine that says nothing of itself"
	}
	var said []string
	for _, name := range []string{"engine-name", "engine-version", "app-id", "spark.app.id", "created-by", "iceberg-version"} {
		if value := s.Summary.Properties[name]; value != "" {
			said = append(said, name+"="+value)
		}
	}
	if len(said) == 0 {
		return "an engine that says nothing of itself"
	}
	return strings.Join(said, " ")
}

func (f *Foreign) String() string {
	return fmt.Sprintf("snapshot %d of %s by %s", f.Snapshot, f.At.Format(time.RFC3339), f.By)
}

// Mends is the command that brings the table back to what bronze says; "" where none is known.
func (v Verdict) Mends() string {
	if v.Equal() || v.Cause != "" {
		return ""
	}
	back := ""
	if v.Foreign != nil && v.Foreign.Parent != 0 {
		back = fmt.Sprintf("reactor rollback %s --to %d", v.Table, v.Foreign.Parent)
	}
	again := ""
	for _, d := range datasets.All() {
		if d.TableName() == v.Table {
			again = "reactor replay --wait --dataset " + d.Name
		}
	}
	if v.Table == tables.Rejected {
		again = "reactor replay --wait"
	}
	_, isSilver := silver.CutName(v.Table)
	switch {
	case isSilver && v.Excess > v.Missing && back == "":
		return "" // what only another engine can have written, and its snapshot has expired
	case isSilver && v.Excess > v.Missing:
		return back + " && " + again
	case isSilver:
		return again
	}
	return back
}
