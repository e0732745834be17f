package rows

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/tests/harness"
)

// create makes a lake with the table rows.numbers, partitioned by the month of its second column.
func create(t *testing.T, fields ...iceberg.NestedField) *lake.Lake {
	t.Helper()
	l, _ := createShared(t, fields...)
	return l
}

// createShared does so, and returns what opens the lake once more, without what the first has in memory.
func createShared(t *testing.T, fields ...iceberg.NestedField) (l *lake.Lake, again func() *lake.Lake) {
	t.Helper()
	s := harness.Start(t, harness.WithoutReactor())
	catalog := "sqlite://" + t.TempDir() + "/catalog.db"
	open := func() *lake.Lake {
		l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), catalog)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	l = open()
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{2}, FieldID: 1000, Name: "month", Transform: iceberg.MonthTransform{}})
	if err := l.Create(t.Context(), lake.Definition{Name: "rows.numbers", Schema: iceberg.NewSchema(0, fields...), Spec: spec}); err != nil {
		t.Fatal(err)
	}
	return l, open
}

// commit writes the rows of a query to the table and returns the table and its new files.
func commit(t *testing.T, l *lake.Lake, c *duck.Conn, sql string) (*lake.Table, []lake.File) {
	t.Helper()
	v, err := l.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := v.Tables["rows.numbers"]
	schema, err := table.SchemaToArrowSchema(before.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		t.Fatal(err)
	}
	next, err := l.Commit(t.Context(), []lake.Change{{Base: before, Schema: schema, Rows: Select(t.Context(), c, sql, schema)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	added, _, err := l.Diff(t.Context(), next[0], before.Snapshot(), next[0].Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return next[0], added
}

// fill commits one file of n rows, numbered from first, to the table of a lake.
func fill(t *testing.T, l *lake.Lake, c *duck.Conn, first, n int) *lake.Table {
	t.Helper()
	next, _ := commit(t, l, c, fmt.Sprintf("select range as n, date '2026-01-05' as day from range(%d, %d)", first, first+n))
	return next
}

func count(t *testing.T, c *duck.Conn, relation string) (n, sum int64) {
	t.Helper()
	r, err := c.Query(t.Context(), "select count(*), coalesce(sum(n), 0)::bigint from ("+relation+")")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
		n, sum = r.RecordBatch().Column(0).(*array.Int64).Value(0), r.RecordBatch().Column(1).(*array.Int64).Value(0)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return n, sum
}

func TestCacheHoldsWhatIsAskedForAndShrinks(t *testing.T) {
	l := create(t, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64}, iceberg.NestedField{ID: 2, Name: "day", Type: iceberg.PrimitiveTypes.Date})
	c := connect(t)
	cache := New(l)
	const rows = maxRows/2 + 10_000
	var tab *lake.Table
	for i := range 3 {
		tab = fill(t, l, c, i*rows, rows)
	}
	files, err := l.Files(t.Context(), tab, tab.Snapshot(), lake.AllMonths)
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	hold := func(files ...lake.File) *Held {
		h, err := cache.Hold(t.Context(), c, tab, files)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	none := hold()
	if n, _ := count(t, c, none.Relation); n != 0 {
		t.Errorf("no file has %d rows", n)
	}
	// Together they have more rows than the cache keeps, but held rows stay.
	all := hold(files...)
	if n, sum := count(t, c, all.Relation); n != 3*rows || sum != 3*rows*(3*rows-1)/2 {
		t.Errorf("three files have %d rows with the sum %d", n, sum)
	}
	all.Release()
	one := hold(files[1])
	if n := len(cache.tables["rows.numbers#0"].files); n != 1 {
		t.Errorf("%d files are kept after the others were let go", n)
	}
	first, _ := count(t, c, one.Relation)
	one.Release()
	again := hold(files[0], files[1])
	n, _ := count(t, c, again.Relation)
	if first != rows || n != 2*rows || len(again.Files) != 2 {
		t.Errorf("one file has %d rows, two have %d", first, n)
	}
	again.Release()
}

func TestFilesThatNobodyAsksForGoWhileTheOthersStay(t *testing.T) {
	c := connect(t)
	k := &cached{name: "stale", most: maxRows, files: map[string]*entry{}}
	if err := c.Exec(t.Context(), "create or replace table stale (_file bigint)"); err != nil {
		t.Fatal(err)
	}
	const each = 600
	for k.clock < 500 { // as gold does: each step reads the last step's rows and one old file
		k.clock++
		k.next++
		if err := c.Exec(t.Context(), fmt.Sprintf("insert into stale select %d from range(%d)", k.next, each)); err != nil {
			t.Fatal(err)
		}
		k.rows += each
		k.files[fmt.Sprint(k.next)] = &entry{number: k.next, rows: each, used: k.clock}
		k.files["1"].used = k.clock
		if err := k.shrink(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if limit := int64(staleRows + (recentHolds+2)*each); k.rows > limit {
			t.Fatalf("%d rows are kept after %d steps, want at most %d", k.rows, k.clock, limit)
		}
	}
	rows, first := k.rows, k.files["1"]
	if n, _ := count(t, c, "select 1::bigint as n from stale"); n != rows || first == nil {
		t.Errorf("%d rows are there and %d are counted; the file in use: %v", n, rows, first)
	}
}

// The rows that came before a file that cannot be read are nobody's. Each try would leave as many.
func TestRowsOfAFailedReadDoNotStay(t *testing.T) {
	l, again := createShared(t, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64}, iceberg.NestedField{ID: 2, Name: "day", Type: iceberg.PrimitiveTypes.Date})
	c := connect(t)
	fill(t, l, c, 0, 10)
	_, large := commit(t, l, c, "select range as n, date '2026-01-05' as day from range(30000)")
	tab, unreadable := commit(t, l, c, "select 1::bigint as n, date '2026-02-05' as day")
	few, err := l.Files(t.Context(), tab, tab.Snapshot(), lake.AllMonths)
	if err != nil {
		t.Fatal(err)
	}
	few = slices.DeleteFunc(few, func(f lake.File) bool { return f.Rows() != 10 })
	if n, err := l.RemoveOrphans(t.Context(), []lake.Orphan{{Path: unreadable[0].Path()}}); n != 1 || err != nil {
		t.Fatalf("removed %d files, %v", n, err)
	}
	cache := New(again())
	for range 3 {
		if _, err := cache.Hold(t.Context(), c, tab, append(large, unreadable...)); err == nil {
			t.Fatal("a file that is gone was read")
		}
		if n, _ := count(t, c, "from rows.t0"); n > staleRows {
			t.Fatalf("%d rows stay", n)
		}
		h, err := cache.Hold(t.Context(), c, tab, few)
		if err != nil {
			t.Fatal(err)
		}
		if n, sum := count(t, c, h.Relation); n != 10 || sum != 45 {
			t.Errorf("ten rows are %d with the sum %d", n, sum)
		}
		h.Release()
	}
}

func TestManyRowsFromFilesHaveSomeColumns(t *testing.T) {
	l := create(t, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64}, iceberg.NestedField{ID: 2, Name: "day", Type: iceberg.PrimitiveTypes.Date})
	c := connect(t)
	cache := New(l)
	const many = 2*looseRows + 1000
	fill(t, l, c, 0, many)
	tab := fill(t, l, c, many, 10)
	files, err := l.Files(t.Context(), tab, tab.Snapshot(), lake.AllMonths)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if files[0].Rows() < files[1].Rows() {
		files[0], files[1] = files[1], files[0]
	}
	for _, want := range []struct {
		files   []lake.File
		n       int64
		columns string
	}{{files[1:], 10, "_file n day"}, {files, many + 10, "_file n"}, {files[1:], 10, "_file n day"}, {files[:1], many, "_file n"}} {
		h, err := cache.HoldColumns(t.Context(), c, tab, []string{"n"}, want.files)
		if err != nil {
			t.Fatal(err)
		}
		described, err := c.Describe(t.Context(), "select * from ("+h.Relation+")")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range described {
			names = append(names, d.Name)
		}
		if n, _ := count(t, c, h.Relation); n != want.n || strings.Join(names, " ") != want.columns {
			t.Errorf("%d rows of %v, want %d of %s", n, names, want.n, want.columns)
		}
		h.Release()
	}
	if _, sum := count(t, c, "from rows.t1"); sum != (many+10)*(many+9)/2 {
		t.Errorf("the numbers add up to %d", sum)
	}
	if bytes, err := c.Ints(t.Context(), "select memory_usage_bytes from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"); err != nil || bytes[0] > many*4 {
		t.Errorf("%d rows of two numbers take %v bytes (%v): DuckDB did not compress them", many, bytes, err)
	}
}
