package promote_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// Parquet files that lie in the bucket become an Iceberg table, where they are.
func TestParquetFilesAreATableWhereTheyAre(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	folder := t.TempDir()
	put := func(name, sql string) {
		t.Helper()
		file := filepath.Join(folder, "x.parquet")
		if r := s.Run(t, "reactor", "query", "--file", file, sql); r.Code != 0 {
			t.Fatal(r)
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.Put(t, "exports/trades/"+name, body, nil)
	}
	register := func(code int, args ...string) harness.Result {
		t.Helper()
		r := s.RunEnv(t, s.Env(t, "owner"), "reactor", append([]string{"import", "--output", "csv", "s3://lakehouse/exports/trades"}, args...)...)
		if r.Code != code {
			t.Fatalf("%v: want exit code %d, %s", args, code, r)
		}
		return r
	}
	reads := func(sql, want string) {
		t.Helper()
		if got := strings.TrimSpace(s.CSV(t, sql)); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
	const columns = "a::integer as id, 'n' || a as name, (a * 1.5)::decimal(9,2) as price, timestamptz '2026-01-01 00:00:00+00' as seen, {'x': a::bigint, 'y': ['p', null]} as box, map {'k': a::integer} as marks"
	put("2024/a.parquet", "select "+columns+" from range(3) as r(a)")
	put("2024/_tmp.parquet", "select 1 as broken")
	s.Put(t, "exports/trades/2024/notes.txt", []byte("x"), nil)
	before := len(s.Objects(t, ""))
	dry := register(0, "--table", "history.trades", "--dry-run")
	if !strings.Contains(dry.Stdout, ",1,1,0,") || !strings.Contains(dry.Stdout, "id, name, price, seen, box, marks") || len(s.Objects(t, "")) != before {
		t.Errorf("dry run: %s", dry)
	}
	register(0, "--table", "history.trades")
	for _, o := range s.Objects(t, "tables/") {
		if !strings.Contains(o.Key, "/metadata/") {
			t.Errorf("%s was written: no byte of data is copied", o.Key)
		}
	}
	reads("select count(*)::integer as n, sum(price)::decimal(9,2)::text as p, max(box.x)::integer as x, min(name) as m, max(seen)::text as seen from history.trades", "n,p,x,m,seen\n3,4.50,2,n0,2026-01-01 00:00:00+00")
	reads("select price::text as p from history.trades where id = 2", "p\n3.00")
	if again := register(0, "--table", "history.trades"); !strings.Contains(again.Stdout, ",1,0,1,0,") {
		t.Errorf("a second run: %s", again)
	}

	// Files that came since, one with a column more and one with columns in another order, and without some, such as a map, whose keys are required.
	put("2025/b.parquet", "select 'late' as tag, 9 as id")
	put("2025/c.parquet", "select 'n7' as name, 7::integer as id, null::varchar as tag")
	more := register(0, "--table", "history.trades")
	if !strings.Contains(more.Stdout, ",3,2,1,2,") || !strings.HasSuffix(strings.TrimSpace(more.Stdout), ",tag") {
		t.Errorf("two files more: %s", more)
	}
	reads("select id, name, tag, marks['k'] as mark from history.trades where id >= 2 order by id", "id,name,tag,mark\n2,n2,,2\n7,n7,,\n9,,late,")

	// Maintenance, check and a reactor that starts leave it alone.
	pointer := s.Pointers(t)["history.trades"]
	s.Reactor(t, "maintain")
	s.CheckEqual(t)
	if now := s.Pointers(t)["history.trades"]; now != pointer || pointer == "" {
		t.Errorf("the reactor changed the table: %s, then %s", pointer, now)
	}

	// What cannot be done says so, and leaves the table as it was.
	for name, sql := range map[string]string{"is VARCHAR": "select 'x' as id", "nanoseconds": "select now()::timestamp_ns as ns"} {
		put("wrong.parquet", sql)
		want := name
		if name == "is VARCHAR" {
			want = "the column id is int in the table and string in the new files"
		}
		if r := register(1, "--table", "history.trades"); !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: %s", sql, r)
		}
	}
	s.Put(t, "exports/trades/wrong.parquet", []byte("PAR1 is not all that it takes PAR1"), nil)
	if r := register(1, "--table", "history.trades"); !strings.Contains(r.Stderr, "wrong.parquet") {
		t.Errorf("a broken file: %s", r)
	}
	s.Remove(t, "exports/trades/wrong.parquet", "")
	put("2025/b.parquet", "select 'another' as tag, 10 as id, 1 as m")
	if r := register(1, "--table", "history.trades"); !strings.Contains(r.Stderr, "bytes when it was registered") {
		t.Errorf("a file that was written anew: %s", r)
	}
	for _, args := range [][]string{{"--table", "silver.trades"}, {"--table", "trades"}, {"--table", "a.b", "--wait"}, {"--table", "a.b", "--dataset", "coincap/assets"}, {}} {
		register(2, args...)
	}
	if now := s.Pointers(t)["history.trades"]; now != pointer {
		t.Errorf("what was refused changed the table")
	}
}
