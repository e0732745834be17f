package rows

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
)

// numbers selects rows of three months with values of every type that tables have, some of them null.
const numbers = `select range::integer as n, timestamptz '2025-12-30 23:59:59.999999+00' + to_hours(range * 7) as seen, 'coin ' || range as name,
	(range * 1.5 + 0.0000000000000000000000000001)::decimal(38, 28) as price, case when range % 3 > 0 then 1 / range end as change,
	date '2026-01-01' + range::integer as day, case when range % 2 = 0 then map {'1': ['0x' || range, '0y'], '56': []::varchar[]} end as tokens
	from range(0, 150) order by date_trunc('month', seen), n`

func numbered(id int, name string, kind iceberg.Type) iceberg.NestedField {
	return iceberg.NestedField{ID: id, Name: name, Type: kind}
}

func TestFilledRowsAreThoseOfTheFiles(t *testing.T) {
	p := iceberg.PrimitiveTypes
	texts := &iceberg.ListType{ElementID: 10, Element: p.String}
	l := create(t, numbered(1, "n", p.Int32), numbered(2, "seen", p.TimestampTz), numbered(3, "name", p.String), numbered(4, "price", iceberg.DecimalTypeOf(38, 28)),
		numbered(5, "change", p.Float64), numbered(6, "day", p.Date), numbered(7, "tokens", &iceberg.MapType{KeyID: 8, KeyType: p.String, ValueID: 9, ValueType: texts}))
	c := connect(t)
	tab, files := commit(t, l, c, numbers)
	if len(files) != 3 {
		t.Fatalf("%d files, want one for each of three months", len(files))
	}
	hold := func(cache *Cache, file lake.File) string {
		h, err := cache.Hold(t.Context(), c, tab, []lake.File{file})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.Release)
		return "(select * exclude (_file) from (" + h.Relation + "))"
	}
	read, filled := New(l), New(l)
	filled.of(tab, nil).name = "rows.filled" // in the same database, beside the other cache's table
	if err := filled.Fill(t.Context(), tab, nil, Query{Conn: c, SQL: numbers, Column: "seen"}); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, there := filled.of(tab, nil).files[f.ID()]; !there {
			t.Errorf("%s was not filled in", f.Path())
		}
		a, b := hold(read, f), hold(filled, f)
		if n, _ := count(t, c, "select 1::bigint as n from "+b); n != f.Rows() {
			t.Errorf("%d rows are filled in for a file of %d", n, f.Rows())
		}
		if n, _ := count(t, c, "select 1::bigint as n from ("+a+" except all "+b+" union all "+b+" except all "+a+")"); n != 0 {
			t.Errorf("%d rows that are filled in differ from those of %s", n, f.Path())
		}
	}
}

func TestOnlyWhatTheFilesHaveIsFilledIn(t *testing.T) {
	l := create(t, numbered(1, "n", iceberg.PrimitiveTypes.Int64), numbered(2, "day", iceberg.PrimitiveTypes.Date))
	c := connect(t)
	const sql = "select range as n, date '2026-01-05' as day from range(0, 100)"
	tab, first := commit(t, l, c, sql)
	cache := New(l)
	err := cache.Fill(t.Context(), tab, nil, Query{Conn: c, SQL: sql + " where range > 7", Column: "day"})
	if err == nil || !strings.Contains(err.Error(), "92 rows, the files have 100") {
		t.Errorf("filled in with rows missing: %v", err)
	}
	if n, err := c.Ints(t.Context(), "select count(*) from "+cache.of(tab, nil).name); err != nil || n[0] != 0 {
		t.Errorf("rows that the files do not have stay in the cache: %v, %v", n, err)
	}
	tab, second := commit(t, l, c, sql)
	// Two files have the same month, so a row's month does not tell its file.
	if err := cache.Fill(t.Context(), tab, nil, Query{Conn: c, SQL: sql + " union all " + sql, Column: "day"}); err != nil {
		t.Fatal(err)
	}
	if n := len(cache.of(tab, nil).files); n != 0 {
		t.Errorf("%d files count as filled in", n)
	}
	h, err := cache.Hold(t.Context(), c, tab, append(first, second...))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	if n, _ := count(t, c, h.Relation); n != 200 {
		t.Errorf("%d rows are read, want 200", n)
	}
}

func TestManyRowsAreFilledInWhenTheyAreAwaited(t *testing.T) {
	l := create(t, numbered(1, "n", iceberg.PrimitiveTypes.Int64), numbered(2, "day", iceberg.PrimitiveTypes.Date))
	c := connect(t)
	const sql = "select range as n, date '2026-01-05' as day from range(0, 10001)"
	tab, files := commit(t, l, c, sql)
	for _, awaited := range []bool{false, true} {
		cache := New(l)
		cache.of(tab, nil).name = fmt.Sprintf("rows.awaited_%t", awaited)
		if err := cache.Fill(t.Context(), tab, nil, Query{Conn: c, SQL: sql, Column: "day", Awaited: awaited}); err != nil {
			t.Fatal(err)
		}
		if _, there := cache.of(tab, nil).files[files[0].ID()]; there != awaited {
			t.Errorf("awaited: %t, filled in: %t", awaited, there)
		}
	}
}
