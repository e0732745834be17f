//go:build interop

package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// kinds are a row's columns, one of each type that Parquet files of other people have.
const kinds = `a::integer as id, a::bigint << 40 as big, 'n' || a as name, (a * 1.5)::decimal(9,2) as price, (a / 7.0)::float as ratio, (a / 7.0)::double as exact,
	a % 2 = 0 as even, date '2026-01-01' + a::integer as day, timestamptz '2026-01-01 00:00:00.123456+00' + to_hours(a) as seen, timestamp '2026-01-01 12:00:00' + to_days(a::integer) as said,
	(a || '2345678901234567890123456789.5678')::decimal(38,4) as long_price, case when a > 0 then ['p', null, 'q' || a] end as tags,
	{'x': a::bigint, 'y': {'z': [a::double, null]}, 'w': null::varchar} as box, map {'k' || a: a::integer, 'l': null} as counts, nullif(a, 1)::integer as "With Space"`

// Parquet files that were registered as a table lie outside of its folder and have no field ids. Other engines read them with keys of their
// own, and read what DuckDB reads from the files.
func TestOtherEnginesReadRegisteredFiles(t *testing.T) {
	l := &lake{Stack: harness.Start(t)}
	file := filepath.Join(t.TempDir(), "x.parquet")
	put := func(name, sql string) {
		t.Helper()
		l.Reactor(t, "query", "--file", file, sql)
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		l.Put(t, "exports/trades/"+name, body, nil)
	}
	register := func() (snapshot int64) {
		t.Helper()
		if r := l.RunEnv(t, l.Env(t, "owner"), "reactor", "import", "s3://lakehouse/exports/trades", "--table", "history.trades"); r.Code != 0 {
			t.Fatal(r)
		}
		return l.Current(t)["history.trades"]
	}
	put("2024/a.parquet", "select "+kinds+" from range(0, 1000) as r(a)")
	put("2024/b.parquet", "select "+kinds+" from range(1000, 1003) as r(a)")
	before := register()
	put("2025/c.parquet", "select 'late' as tag, {'u': 1.5::decimal(4,2), 'v': null::date} as more, 2000 as id")               // two columns more, and most are missing
	put("2025/d.parquet", "select name, price, counts, id, 'd' as tag from (select "+kinds+" from range(3000, 3010) as r(a))") // another order
	after := register()

	files := engine{"DuckDB 1.5.5", "duck", ""}.open(t, l.Lake, "analyst", "duckdb-files")
	in := func(list, where string) found {
		return decode(t, files.do(t, "sql", with{"text": fmt.Sprintf("from read_parquet([%s], union_by_name => true) where %s", list, where)}))
	}
	const first = "'s3://lakehouse/exports/trades/2024/a.parquet', 's3://lakehouse/exports/trades/2024/b.parquet'"
	const all = first + ", 's3://lakehouse/exports/trades/2025/c.parquet', 's3://lakehouse/exports/trades/2025/d.parquet'"
	exact := []string{"id", "big", "name", "price", "exact", "even", "day", "seen", "said", "long_price", "tags", "counts", "With Space", "tag"} // JSON's other numbers are not
	if a, b := in(all, "id >= 0").only(exact).text(t), own(t, l.Lake, "history.trades").only(exact).text(t); a != b {
		t.Errorf("reactor query reads other rows than are in the files:\n%s", harness.Difference(a, b))
	}
	for _, e := range []struct {
		engine
		block, from, at string // the table by SQL, and a snapshot of it
	}{
		{pyiceberg, "pyiceberg-files", "", ""},
		{engine{"DuckDB 1.5.5", "duck", ""}, "duckdb-files", "from files.history.trades", " at (version => %d)"},
		{spark41, "spark-files", "select * from files.history.trades", " version as of %d"},
	} {
		t.Run(e.name, func(t *testing.T) {
			s := e.open(t, l.Lake, "analyst", e.block)
			for _, c := range []struct {
				snapshot    int64
				list, where string
				rows        int
			}{
				{after, all, "id >= 0", 1014},
				{before, first, "id >= 0", 1003},
				{after, all, "tag = 'late'", 1},
				{after, all, "price > 1500", 12},
				{after, all, "name = 'n1001'", 1},
				{after, all, "day = '2026-01-03'", 1},
				{after, all, "seen >= '2026-02-11T15:30:00+00:00'", 3},
			} {
				want := in(c.list, c.where)
				var got found
				if e.from == "" {
					got = s.read(t, "history.trades", with{"snapshot": c.snapshot, "where": c.where})
				} else {
					got = decode(t, s.do(t, "sql", with{"text": e.from + fmt.Sprintf(e.at, c.snapshot) + " where " + c.where}))
				}
				if a, b := want.text(t), got.text(t); a != b || len(want.Rows) != c.rows {
					t.Errorf("%s reads %d rows where %s, DuckDB reads %d of the files, and %d are there:\n%s", e.name, len(got.Rows), c.where, len(want.Rows), c.rows, harness.Difference(a, b))
				}
			}
			if e.from == "" {
				return
			}
			n := decode(t, s.do(t, "sql", with{"text": strings.Replace(strings.TrimPrefix(e.from, "select * "), "from", "select count(*) as n from", 1)}))
			if got := n.text(t); got != "n\n[1014]\n" {
				t.Errorf("%s counts %s", e.name, got)
			}
		})
	}
}
