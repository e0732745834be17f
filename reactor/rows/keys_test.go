package rows

import (
	"testing"

	"github.com/apache/iceberg-go"
)

// Rows of few objects have numbers in place of their keys, rows of many have the keys. Who reads them sees no difference.
func TestRowsWithNumbersForKeysAreThoseOfTheFiles(t *testing.T) {
	p := iceberg.PrimitiveTypes
	l := create(t, numbered(1, "n", p.Int64), numbered(2, "seen", p.TimestampTz), numbered(3, "extra", p.String), numbered(4, keyColumn, p.String))
	c := connect(t)
	cache := New(l)
	const rows = `select range::bigint as n, timestamptz '2026-01-05 00:00:00+00' + to_hours(range) as seen, 'not asked for' as extra, `
	for _, part := range []struct {
		name, sql     string
		numbers, keys int64 // in the cache by then: rows with a number, and keys
	}{
		{"two objects", rows + "'bronze/it''s/' || chr(0) || range // 100 as source_key from range(0, 200)", 200, 2},
		{"the second of them and another", rows + "'bronze/it''s/' || chr(0) || (1 + range // 100) as source_key from range(0, 200)", 400, 3},
		{"an object for each row", rows + "'bronze/' || range as source_key from range(0, 200)", 400, 3},
		{"rows without a key", rows + "case when range < 199 then 'bronze/it''s/0' end as source_key from range(0, 200)", 400, 3},
	} {
		tab, files := commit(t, l, c, part.sql)
		k := cache.of(tab, []string{"n", "seen", keyColumn})
		h, err := cache.hold(t.Context(), c, k, tab, files)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Release()
		read, written := "(select n, seen, source_key from ("+h.Relation+"))", "(select n, seen, source_key from ("+part.sql+"))"
		if n, sum := count(t, c, h.Relation); n != 200 || sum != 199*100 {
			t.Errorf("%s: %d rows are read with the sum %d", part.name, n, sum)
		}
		if n, _ := count(t, c, "("+read+" except all "+written+") union all ("+written+" except all "+read+")"); n != 0 {
			t.Errorf("%s: %d rows differ", part.name, n)
		}
		if described, err := c.Describe(t.Context(), "select * from ("+h.Relation+")"); err != nil || len(described) != 4 {
			t.Errorf("%s: the columns are %v, want the file and three (%v)", part.name, described, err)
		}
		got, err := c.Ints(t.Context(), "select count(*) from "+k.name+" where _source_key is not null union all select count(*) from "+k.keyTable())
		if err != nil || got[0] != part.numbers || got[1] != part.keys {
			t.Errorf("%s: %v rows with numbers, and keys; want %d and %d (%v)", part.name, got, part.numbers, part.keys, err)
		}
	}
}
