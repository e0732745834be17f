package lake_test

import (
	"fmt"
	"slices"
	"testing"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

// A commit's own files are known without reading the manifests that it wrote. They are the same files as a reader of these finds.
func TestFilesOfOwnCommitsAreThoseOfTheirManifests(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	address := "sqlite://" + t.TempDir() + "/catalog.db"
	l := openAt(t, s, address)
	a := view(t, l).Tables[name(t, "a")]
	same := func(remove []lake.File, rows ...row) {
		t.Helper()
		next, err := l.Commit(t.Context(), []lake.Change{change(t, a, remove, rows...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a = next[0]
		other, err := lake.Open(t.Context(), s.Client(), s.Bucket(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
		if got, want := described(t, l, a), described(t, other, view(t, other).Tables[name(t, "a")]); !slices.Equal(got, want) {
			t.Errorf("after a commit of %d rows that removed %d files:\n%q are known,\n%q are there", len(rows), len(remove), got, want)
		}
	}
	same(nil, row{"x", 600, 1}, row{"y", 600, 2}, row{"x", 601, -3}, row{"z", 602, 4})
	same(nil, row{"w", 601, 5})
	same(files(t, l, a, lake.Months{Lo: 601, Hi: 601}), row{"w", 601, 6}, row{"x", 601, 7})
	same(files(t, l, a, lake.Months{Lo: 600, Hi: 600}))
	same(files(t, l, a, lake.AllMonths))
}

// described says everything that is known of a table's live files.
func described(t *testing.T, l *lake.Lake, tab *lake.Table) []string {
	t.Helper()
	var all []string
	for _, f := range files(t, l, tab, lake.AllMonths) {
		slot, divided := f.Slot()
		months, known := f.Months()
		text := fmt.Sprint(f.ID(), f.Rows(), f.Bytes(), f.Partition(), f.OfSpec(tab), f.Deletes(), slot, divided, months, known)
		for _, c := range []string{"id", "at", "n"} {
			column, _ := tab.Column(c)
			lo, hi, ok := f.Ints(column)
			from, to, okText := f.Strings(column)
			text += fmt.Sprint(c, lo, hi, ok, from, to, okText)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}
