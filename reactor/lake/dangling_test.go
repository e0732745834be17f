package lake_test

import (
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// danglingDeletesGo lets another engine delete rows by files of positions and of values. A commit that replaces the data files takes
// the deletes along that no file needs any more, and leaves those that one does.
func danglingDeletesGo(t *testing.T, l *lake.Lake) {
	own := name(t, "mor")
	if err := l.Create(t.Context(), lake.Definition{Name: own, Schema: schema, Spec: byMonth, Properties: iceberg.Properties{"write.delete.mode": "merge-on-read"}}); err != nil {
		t.Fatal(err)
	}
	now := view(t, l).Tables[own]
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
	left := func(want int, rows ...row) {
		t.Helper()
		if got := lake.Total(now.Snapshot(), "total-delete-files"); got != int64(want) {
			t.Errorf("%v files of deletes are left, want %d", got, want)
		}
		wants(t, l, now, rows...)
	}
	first, second := row{"a", 600, 1}, row{"e", 601, 5}
	done(commit(change(t, now, nil, first, row{"b", 600, 2}, row{"d", 601, 4}, second)))
	done(l.DeleteRows(t.Context(), now, iceberg.EqualTo(iceberg.Reference("id"), "b")))
	done(l.DeleteRows(t.Context(), now, iceberg.EqualTo(iceberg.Reference("id"), "d")))
	left(2, first, second)

	done(commit(change(t, now, files(t, l, now, lake.Months{Lo: 600, Hi: 600}), row{"a", 600, 9})))
	first.n = 9
	left(1, first, second) // the other month's

	merge := change(t, now, files(t, l, now, lake.Months{Lo: 601, Hi: 601}), second)
	merge.Rewrite = true
	done(commit(merge))
	left(0, first, second)
	if now.Snapshot().Summary.Operation != table.OpReplace {
		t.Errorf("a merge of files that had deletes is %s", now.Snapshot().Summary.Operation)
	}

	// Deletes by values concern every file that is older, of any month.
	done(l.DeleteEqual(t.Context(), now, []int{1, 2}, keys(t, row{"a", 600, 0}, row{"e", 601, 0})))
	done(commit(change(t, now, nil, row{"f", 600, 6})))
	for _, f := range files(t, l, now, lake.AllMonths) {
		if f.Deletes() {
			done(commit(change(t, now, []lake.File{f})))
		}
	}
	left(0, row{"f", 600, 6})
}
