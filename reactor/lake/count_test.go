package lake_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
)

// countsWhatIsLeft deletes rows as other engines do, by files of positions and of values, the same row twice among them. The totals of
// the summaries still count every row in the data files.
func countsWhatIsLeft(t *testing.T, l *lake.Lake) {
	own := name(t, "counted")
	if err := l.Create(t.Context(), lake.Definition{Name: own, Schema: schema, Spec: byMonth, Properties: iceberg.Properties{"write.delete.mode": "merge-on-read"}}); err != nil {
		t.Fatal(err)
	}
	now := view(t, l).Tables[own]
	var want []int64
	done := func(next *lake.Table, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		now = next
	}
	commit := func(c lake.Change) (*lake.Table, error) {
		next, err := l.Commit(t.Context(), []lake.Change{c}, nil)
		if err != nil {
			return nil, err
		}
		return next[0], nil
	}
	byPosition := func(ids ...string) (*lake.Table, error) {
		return l.DeleteRows(t.Context(), now, iceberg.IsIn(iceberg.Reference("id"), ids...))
	}
	done(commit(change(t, now, nil, row{"a", 600, 1}, row{"b", 600, 2}, row{"c", 600, 3}, row{"d", 601, 4}, row{"e", 601, 5})))
	want = append(want, 5)
	done(byPosition("b", "c"))
	want = append(want, 3)
	done(commit(change(t, now, nil, row{"b", 600, 9}))) // put in again: the deletes before do not concern it
	want = append(want, 4)
	done(l.DeleteEqual(t.Context(), now, []int{1, 2}, keys(t, row{"a", 600, 0}, row{"c", 600, 0}, row{"nobody", 600, 0}))) // c is deleted already
	want = append(want, 3)
	done(byPosition("d", "e")) // a whole file
	want = append(want, 1)

	for i, s := range now.Meta.Snapshots() {
		for range 2 { // the second time from memory
			if n, err := l.Rows(t.Context(), now, &s); err != nil || n != want[i] {
				t.Errorf("snapshot %d has %d rows, %v, want %d", i+1, n, err, want[i])
			}
		}
	}
	if n := lake.Total(&now.Meta.Snapshots()[3], lake.TotalRows); n == want[3] {
		t.Errorf("the summary counts %v rows as well: this test shows nothing", n)
	}
	if n, err := l.Rows(t.Context(), now, nil); n != 0 || err != nil {
		t.Errorf("the empty table has %d rows, %v", n, err)
	}
}

// keys are rows without their numbers.
func keys(t *testing.T, rows ...row) arrow.RecordBatch {
	t.Helper()
	_, all := batches(t, rows...)
	for b, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		return array.NewRecordBatch(arrow.NewSchema(b.Schema().Fields()[:2], nil), b.Columns()[:2], b.NumRows())
	}
	return nil
}
