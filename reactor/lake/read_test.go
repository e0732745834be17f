package lake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// readsOldSnapshots changes the columns of a table and deletes rows of it, and reads each snapshot afterwards. Which rows a
// snapshot has follows from its files and the deletes planned with them; the columns are always those that the table has now.
func readsOldSnapshots(t *testing.T, l *lake.Lake) {
	own := name(t, "evolving")
	before := iceberg.NewSchema(0, append(schema.Fields(), iceberg.NestedField{ID: 4, Name: "note", Type: iceberg.PrimitiveTypes.String})...)
	err := l.Create(t.Context(), lake.Definition{Name: own, Schema: before, Spec: byMonth, Properties: iceberg.Properties{"write.delete.mode": "merge-on-read"}})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(c lake.Change) *lake.Table {
		t.Helper()
		c.Base = view(t, l).Tables[own]
		next, err := l.Commit(t.Context(), []lake.Change{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return next[0]
	}
	first := commit(written(t, before, "x 1 of-x", "y 2 of-y"))
	deleted, err := l.DeleteRows(t.Context(), first, iceberg.EqualTo(iceberg.Reference("id"), "y"))
	if err != nil {
		t.Fatal(err)
	}
	// n gets another name, note goes, and another column is called note.
	fields := schema.Fields()
	fields[2].Name = "number"
	after := iceberg.NewSchema(1, append(fields, iceberg.NestedField{ID: 5, Name: "note", Type: iceberg.PrimitiveTypes.String})...)
	change := written(t, after, "z 3 of-z")
	change.Evolve = after
	now := commit(change)

	for _, test := range []struct {
		snapshot *table.Snapshot
		want     []string
	}{
		{first.Snapshot(), []string{"x 1 (null)", "y 2 (null)"}},
		{deleted.Snapshot(), []string{"x 1 (null)"}},
		{now.Snapshot(), []string{"x 1 (null)", "z 3 of-z"}},
	} {
		fs, err := l.Files(t.Context(), now, test.snapshot, lake.AllMonths)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fs {
			if f.Deletes() {
				fs[i] = f.AsDuckDBNames()
			}
		}
		columns, batches, err := l.Read(t.Context(), now, fs...)
		if err != nil {
			t.Fatal(err)
		}
		if names := fieldNames(columns); names != "id at number note" {
			t.Errorf("snapshot %d has the columns %s", test.snapshot.SequenceNumber, names)
		}
		var got []string
		for b, err := range batches {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(b.NumRows()) {
				got = append(got, fmt.Sprint(b.Column(0).ValueStr(i), " ", b.Column(2).ValueStr(i), " ", b.Column(3).ValueStr(i)))
			}
			b.Release()
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("snapshot %d holds %v, want %v", test.snapshot.SequenceNumber, got, test.want)
		}
	}
}

// written is a change that appends rows, each "id n note", of one month.
func written(t *testing.T, s *iceberg.Schema, rows ...string) lake.Change {
	t.Helper()
	columns := arrowSchema(t, s)
	b := array.NewRecordBuilder(memory.DefaultAllocator, columns)
	defer b.Release()
	for _, text := range rows {
		var id, note string
		var n int64
		if _, err := fmt.Sscan(text, &id, &n, &note); err != nil {
			t.Fatal(err)
		}
		b.Field(0).(*array.StringBuilder).Append(id)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(row{month: 600}.at().UnixMicro()))
		b.Field(2).(*array.Int64Builder).Append(n)
		b.Field(3).(*array.StringBuilder).Append(note)
	}
	batch := b.NewRecordBatch()
	return lake.Change{Schema: columns, Rows: func(yield func(arrow.RecordBatch, error) bool) { yield(batch, nil) }}
}

func fieldNames(s *arrow.Schema) string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}
