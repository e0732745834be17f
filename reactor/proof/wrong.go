package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/reactor/namespace"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// namedRows is the number of wrong rows that a verdict names.
const namedRows = 5

// Wrong names a row that a table has too many or lacks.
type Wrong struct {
	Key    string // values of the key columns, with blanks between them
	Excess bool   // the table has it too many; else the table lacks it
}

func (w Wrong) String() string {
	if w.Excess {
		return "too many: " + w.Key
	}
	return "missing: " + w.Key
}

// wrong adds the first rows of the table difference to the verdict, up to namedRows.
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

// datasetOf returns the dataset that fills a silver table. There must be one.
func datasetOf(table string) *silver.Dataset {
	all := datasets.All()
	return all[slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.Table == table })]
}

// keySQL returns an expression for a row's key as text.
func keySQL(key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = "coalesce(" + duck.Identifier(k) + "::varchar, 'null')"
	}
	return "concat_ws(' ', " + strings.Join(parts, ", ") + ")"
}

// Foreign names the latest snapshot of a table that neither a promoter nor upkeep made.
type Foreign struct {
	Snapshot, Parent int64
	At               time.Time
	By               string // the engine, as its snapshot says
}

// foreign returns the latest snapshot of another engine among the current one and its ancestors, nil if there is none.
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

// engineOf returns what a snapshot's summary says about the engine that made it.
func engineOf(s *table.Snapshot) string {
	if s.Summary == nil {
		return "an engine that does not name itself"
	}
	var said []string
	for _, name := range []string{"engine-name", "engine-version", "app-id", "spark.app.id", "created-by", "iceberg-version"} {
		if value := s.Summary.Properties[name]; value != "" {
			said = append(said, name+"="+value)
		}
	}
	if len(said) == 0 {
		return "an engine that does not name itself"
	}
	return strings.Join(said, " ")
}

func (f *Foreign) String() string {
	return fmt.Sprintf("snapshot %d of %s by %s", f.Snapshot, f.At.Format(time.RFC3339), f.By)
}

// Mends returns the command that brings the table back to what bronze gives, "" if none is known.
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
	isSilver := namespace.Silver.Has(v.Table)
	switch {
	case isSilver && v.Excess > v.Missing && back == "":
		return "" // another engine wrote the rows, and its snapshot has expired
	case isSilver && v.Excess > v.Missing:
		return back + " && " + again
	case isSilver:
		return again
	}
	return back
}
