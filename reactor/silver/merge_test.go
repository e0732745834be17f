package silver_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"pgregory.net/rapid"

	"millrace/reactor/duck"
	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// prices is a small dataset with every type in it.
var prices = silver.Define(silver.Dataset{
	Name: "test/prices", At: "data", Table: "prices", Key: []string{"id", "observed_at"}, Example: `{"data": […]}`,
	Fields: []silver.Field{
		{Column: "id", From: "id", Type: silver.Text, Required: true},
		{Column: "observed_at", From: "time", Type: silver.Time, Required: true},
		{Column: "price", From: "priceUsd", Type: silver.Decimal, Precision: 38, Scale: 28, NonNegative: true, Below: 10},
		{Column: "rank", From: "rank", Type: silver.Integer},
		{Column: "supply", From: "supply", Type: silver.Decimal, Precision: 38, Scale: 18},
		{Column: "tokens", From: "tokens", Type: silver.TextLists},
	},
})

// object is a bronze object version in a test.
type object struct {
	key, version string
	modified     time.Time
	body         string
}

func (o object) source() silver.Source {
	return silver.Source{Key: o.key, Version: o.version, ModifiedAt: o.modified}
}

// kept is a sink that keeps batches.
type kept struct{ rows, rejected []arrow.RecordBatch }

func (k *kept) Rows(b arrow.RecordBatch) error { b.Retain(); k.rows = append(k.rows, b); return nil }

func (k *kept) Rejected(b arrow.RecordBatch) error {
	b.Retain()
	k.rejected = append(k.rejected, b)
	return nil
}

// table is a silver table in DuckDB: what a lake with files would hold, in one relation.
type table struct {
	t         testing.TB
	conn      *duck.Conn
	name      string
	merge     silver.Merge
	arrow     *arrow.Schema
	nextFile  int
	fileCount int
}

func openDuck(t testing.TB) *duck.Conn {
	t.Helper()
	conn, done, err := duck.OpenConn(duck.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return conn
}

func newTable(t testing.TB, conn *duck.Conn, name string, m silver.Merge, schema *arrow.Schema) *table {
	t.Helper()
	tb := &table{t: t, conn: conn, name: name, merge: m, arrow: schema}
	tb.exec(m.Incoming)
	tb.exec(`create or replace table ` + name + ` as select * exclude (_object), 0::bigint as _file from incoming`)
	return tb
}

func (tb *table) exec(sql string) {
	tb.t.Helper()
	for _, s := range strings.Split(sql, ";") {
		if err := tb.conn.Exec(context.Background(), s); err != nil {
			tb.t.Fatalf("%v in\n%s", err, s)
		}
	}
}

// query returns rows as one text each.
func (tb *table) query(sql string) []string {
	tb.t.Helper()
	rows, err := tb.conn.Query(context.Background(), sql)
	if err != nil {
		tb.t.Fatalf("%v in\n%s", err, sql)
	}
	defer rows.Close()
	var out []string
	for b, err := range rows.All() {
		if err != nil {
			tb.t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			var values []string
			for _, c := range b.Columns() {
				values = append(values, silvertest.Text(c, i))
			}
			out = append(out, strings.Join(values, " | "))
		}
	}
	return out
}

// changes is the cheaper statement where it holds.
func (tb *table) changes() string {
	if tb.merge.ChangesOnce != "" && len(tb.query(`select 1 from incoming group by `+strings.Join(prices.Key, ", ")+` having count(*) > 1 limit 1`)) == 0 {
		return tb.merge.ChangesOnce
	}
	return tb.merge.Changes
}

// commit does what a lake does with a merge: replaces files by a new one. It returns the number of rows that changed.
func (tb *table) commit(batches ...arrow.RecordBatch) int {
	tb.t.Helper()
	tb.exec(tb.merge.Incoming)
	if err := tb.conn.Insert(context.Background(), "incoming", tb.arrow, batches...); err != nil {
		tb.t.Fatal(err)
	}
	tb.exec(`create or replace temp view existing as select * from ` + tb.name)
	tb.exec(tb.changes())
	var changed int
	_, _ = fmt.Sscan(tb.query(`select count(*) from changes`)[0], &changed)
	files := tb.query(tb.merge.Files)
	if changed == 0 {
		if n := tb.query(`select count(*) from (` + tb.merge.Rows + `)`)[0]; n != "0" || len(files) != 0 {
			tb.t.Fatalf("nothing changes, but %s rows and the files %v would be written", n, files)
		}
		return 0
	}
	tb.nextFile++
	tb.fileCount += len(files)
	tb.exec(`create or replace temp table written as ` + tb.merge.Rows)
	if len(files) == 0 {
		if n := tb.query(`select count(*) from (from written except all (` + tb.merge.Appended + `))`)[0]; n != "0" {
			tb.t.Fatalf("no file is replaced, and yet %s rows are not among those to be appended", n)
		}
	} else {
		tb.exec(fmt.Sprintf(`delete from %s where _file in (%s)`, tb.name, strings.Join(files, ", ")))
	}
	tb.exec(fmt.Sprintf(`insert into %s by name select *, %d as _file from written`, tb.name, tb.nextFile))
	tb.exec(`drop table if exists changes; drop table if exists incoming; drop table if exists decoded`)
	return changed
}

func (tb *table) rows() []string {
	return tb.query(`select * exclude (_file) from ` + tb.name + ` order by all`)
}

func decode(t testing.TB, d *silver.Dataset, o object) *kept {
	t.Helper()
	k := &kept{}
	if err := d.Decode(context.Background(), o.source(), silvertest.Bytes(o.body), k); err != nil {
		t.Fatal(err)
	}
	return k
}

var firstDay = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// drawObjects makes objects that fight over few keys: equal times, equal keys in other versions, equal rows, bad rows.
func drawObjects(t *rapid.T) []object {
	n := rapid.IntRange(1, 6).Draw(t, "objects")
	objects := make([]object, n)
	for i := range objects {
		rows := make([]string, rapid.IntRange(0, 5).Draw(t, "rows"))
		for j := range rows {
			rows[j] = rapid.SampledFrom([]string{
				`{"id":"a","time":"2026-11-01T00:00:00Z","priceUsd":"1","tokens":{"1":["x"]}}`,
				`{"id":"a","time":"2026-11-01T00:00:00Z","priceUsd":"1","tokens":{"1":["x","y"]}}`,
				`{"id":"a","time":"2026-11-01T00:00:00Z","priceUsd":"2"}`,
				`{"id":"a","time":"2026-11-01T00:00:00Z"}`,
				`{"id":"a","time":"2026-10-01T00:00:00Z","rank":null,"tokens":{}}`,
				`{"id":"b","time":"2026-11-01T00:00:00Z","rank":7,"more":[1]}`,
				`{"id":"b","time":"2026-11-01T00:00:00Z","rank":7,"more":[2]}`,
				`{"id":"b","time":"2026-10-01T00:00:00Z","supply":"1.0000000000000000001"}`,
				`{"id":"","time":"2026-11-01T00:00:00Z"}`,
				`{"id":"b","priceUsd":"NaN"}`,
			}).Draw(t, "row")
		}
		objects[i] = object{
			key:      fmt.Sprintf("bronze/test/prices/ingest_date=2026-11-20/%d.json", rapid.IntRange(0, 2).Draw(t, "key")),
			version:  fmt.Sprintf("v%d", i),
			modified: firstDay.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "ms")) * time.Millisecond),
			body:     `{"data":[` + strings.Join(rows, ",") + `]}`,
		}
	}
	return objects
}

// model is the invariant in Go, told from scratch: by key the row of the greatest lineage.
func model(t testing.TB, objects []object) (good, refused []silvertest.Row) {
	best := map[string]silvertest.Row{}
	for _, o := range objects {
		s := &silvertest.Sink{}
		if err := prices.Decode(context.Background(), o.source(), silvertest.Bytes(o.body), s); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Good {
			k := r["id"] + " " + r["observed_at"]
			if old, ok := best[k]; !ok || lineageOf(r).compare(lineageOf(old)) > 0 {
				best[k] = r
			}
		}
		refused = append(refused, s.Refused...)
	}
	return slices.Collect(maps.Values(best)), refused
}

type lineage struct {
	modified     time.Time
	key, version string
	row          int
}

func lineageOf(r silvertest.Row) lineage {
	l := lineage{key: r["source_key"], version: r["source_version"]}
	l.modified, _ = time.Parse(time.RFC3339Nano, r["source_modified_at"])
	_, _ = fmt.Sscan(r["source_row"], &l.row)
	return l
}

func (l lineage) compare(m lineage) int {
	return cmp.Or(l.modified.Compare(m.modified), cmp.Compare(l.key, m.key), cmp.Compare(l.version, m.version), cmp.Compare(l.row, m.row))
}

func textOf(rows []silvertest.Row, schema *arrow.Schema) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		var values []string
		for _, f := range schema.Fields() {
			v, ok := r[f.Name]
			if !ok {
				v = "(null)"
			}
			values = append(values, v)
		}
		out[i] = strings.Join(values, " | ")
	}
	slices.Sort(out)
	return out
}

// Any order, any duplication, any batching of the same objects gives the same tables.
func TestMergeForgetsOrderDuplicatesAndBatches(t *testing.T) {
	conn := openDuck(t)
	rapid.Check(t, func(r *rapid.T) {
		objects := drawObjects(r)
		// Every object arrives once at least, in any order, in batches of any size.
		arrivals := slices.Concat(objects, rapid.SliceOfN(rapid.SampledFrom(objects), 0, 4).Draw(r, "again"))
		arrivals = rapid.Permutation(arrivals).Draw(r, "order")
		good := newTable(t, conn, "good", prices.MergeSQL(), prices.ArrowSchema())
		refused := newRejected(t, conn)
		for left := 3; len(arrivals) > 0; left-- { // a commit takes 20 ms
			n := len(arrivals)
			if left > 1 {
				n = rapid.IntRange(1, len(arrivals)).Draw(r, "batch")
			}
			commitObjects(t, good, refused, arrivals[:n])
			arrivals = arrivals[n:]
		}
		wantGood, wantRefused := model(t, objects)
		compareRows(r, good, textOf(wantGood, prices.ArrowSchema()))
		compareRows(r, refused.table, textOf(wantRefused, silver.RejectedArrowSchema()))
		// And once more, all of it: nothing changes.
		if n := commitObjects(t, good, refused, objects); n != 0 {
			r.Fatalf("a replay of everything changed %d rows", n)
		}
	})
}

func compareRows(r *rapid.T, tb *table, want []string) {
	got := tb.rows()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		r.Fatalf("%s has\n%s\nwant\n%s", tb.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type rejectedTable struct{ *table }

func newRejected(t testing.TB, conn *duck.Conn) rejectedTable {
	return rejectedTable{newTable(t, conn, "refused", silver.RejectedMergeSQL(), silver.RejectedArrowSchema())}
}

func (rt rejectedTable) commitOf(objects []object, batches []arrow.RecordBatch) int {
	rt.exec(rt.merge.Decoded)
	for _, o := range objects {
		rt.exec(fmt.Sprintf(`insert into decoded values ('%s', '%s')`, o.key, o.version))
	}
	return rt.commit(batches...)
}

func commitObjects(t testing.TB, good *table, refused rejectedTable, objects []object) int {
	var rows, bad []arrow.RecordBatch
	for _, o := range objects {
		k := decode(t, prices, o)
		rows = append(rows, k.rows...)
		bad = append(bad, k.rejected...)
	}
	return good.commit(rows...) + refused.commitOf(objects, bad)
}

func TestMergeRules(t *testing.T) {
	conn := openDuck(t)
	at := func(ms int, key, version, row string) object {
		return object{key: "bronze/test/prices/" + key + ".json", version: version, modified: firstDay.Add(time.Duration(ms) * time.Millisecond), body: `{"data":[` + row + `]}`}
	}
	one := `{"id":"a","time":"2026-11-01T00:00:00Z","priceUsd":"1"}`
	two := `{"id":"a","time":"2026-11-01T00:00:00Z","priceUsd":"2"}`
	for _, c := range []struct {
		name          string
		first, second object
		changed       int
		version       string
	}{
		{"a later object wins", at(0, "x", "v1", one), at(1, "x", "v2", two), 1, "v2"},
		{"an earlier object that comes late loses", at(1, "x", "v1", one), at(0, "x", "v2", two), 0, "v1"},
		{"at one time the greater key wins", at(0, "x", "v1", one), at(0, "y", "v0", two), 1, "v0"},
		{"of one key at one time the greater version wins", at(0, "x", "v1", one), at(0, "x", "v2", two), 1, "v2"},
		{"the same object changes nothing", at(0, "x", "v1", one), at(0, "x", "v1", one), 0, "v1"},
		{"other content under the same lineage is written", at(0, "x", "v1", one), at(0, "x", "v1", two), 1, "v1"},
		{"a value that becomes null is a change", at(0, "x", "v1", one), at(0, "x", "v1", `{"id":"a","time":"2026-11-01T00:00:00Z"}`), 1, "v1"},
		{"extra alone is a change", at(0, "x", "v1", one), at(0, "x", "v1", strings.Replace(one, "}", `,"b":1}`, 1)), 1, "v1"},
		{"tokens alone are a change", at(0, "x", "v1", strings.Replace(one, "}", `,"tokens":{"1":["x"]}}`, 1)), at(0, "x", "v1", strings.Replace(one, "}", `,"tokens":{"1":["y"]}}`, 1)), 1, "v1"},
		{"tokens in another order are none", at(0, "x", "v1", strings.Replace(one, "}", `,"tokens":{"1":["x"],"2":"y"}}`, 1)), at(0, "x", "v1", strings.Replace(one, "}", `,"tokens":{"2":["y"],"1":["x"]}}`, 1)), 0, "v1"},
		{"the same values from a later object are a change: lineage counts", at(0, "x", "v1", one), at(1, "x", "v2", one), 1, "v2"},
		{"of one object the last row wins", at(0, "x", "v1", one), at(1, "x", "v2", two+","+one), 1, "v2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tb := newTable(t, conn, "good", prices.MergeSQL(), prices.ArrowSchema())
			if n := tb.commit(decode(t, prices, c.first).rows...); n != 1 {
				t.Fatalf("the first object changed %d rows", n)
			}
			if n := tb.commit(decode(t, prices, c.second).rows...); n != c.changed {
				t.Errorf("the second object changed %d rows, want %d", n, c.changed)
			}
			if got := tb.query(`select source_version from good`); !slices.Equal(got, []string{c.version}) {
				t.Errorf("versions %v are in the table, want %s", got, c.version)
			}
		})
	}
}

func TestMergeRewritesOnlyFilesOfChangedKeys(t *testing.T) {
	conn := openDuck(t)
	tb := newTable(t, conn, "good", prices.MergeSQL(), prices.ArrowSchema())
	put := func(ms int, rows string) int {
		return tb.commit(decode(t, prices, object{key: "bronze/test/prices/x.json", version: fmt.Sprint(ms), modified: firstDay.Add(time.Duration(ms) * time.Millisecond), body: `{"data":[` + rows + `]}`}).rows...)
	}
	row := func(id string, price int) string {
		return fmt.Sprintf(`{"id":%q,"time":"2026-11-01T00:00:00Z","priceUsd":%d}`, id, price)
	}
	put(0, row("a", 1)+","+row("b", 1))
	put(1, row("c", 1)+","+row("d", 1))
	if tb.fileCount != 0 {
		t.Fatalf("new keys replaced %d files", tb.fileCount)
	}
	if n := put(2, row("a", 2)+","+row("e", 1)); n != 2 || tb.fileCount != 1 {
		t.Errorf("one changed and one new key: %d changes, %d files replaced; want 2 and 1", n, tb.fileCount)
	}
	got := tb.query(`select id || ' ' || price::integer || ' ' || _file from good order by id`)
	if want := []string{"a 2 3", "b 1 3", "c 1 2", "d 1 2", "e 1 3"}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}

func TestRejectedRowsAreReplacedByWhatTheDecodeGivesNow(t *testing.T) {
	conn := openDuck(t)
	rt := newRejected(t, conn)
	bad := object{key: "bronze/test/prices/x.json", version: "v1", modified: firstDay, body: `{"data":[{"id":"a"},{"id":""}]}`}
	other := bad
	other.version, other.body = "v2", `{"data":[{"id":"a"}]}`
	put := func(o object) int { return rt.commitOf([]object{o}, decode(t, prices, o).rejected) }
	if put(bad) != 1 || put(other) != 1 || len(rt.rows()) != 3 {
		t.Fatalf("two versions left %d refused rows, want 3", len(rt.rows()))
	}
	if put(bad) != 0 {
		t.Error("the same object again is a change")
	}
	bad.body = `{"data":[{"id":""}]}`
	if put(bad) != 1 || len(rt.rows()) != 2 {
		t.Errorf("one refused row less left %v", rt.rows())
	}
	bad.body = `{"data":[]}`
	if put(bad) != 1 || len(rt.rows()) != 1 {
		t.Errorf("no refused row left %v", rt.rows())
	}
}

// The figures that matter: the small merge's milliseconds, statements included, and rows/s of the large one.
func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{20, 2000, 200_000} {
		for _, repeated := range []bool{false, true} {
			name := fmt.Sprintf("%d rows", n)
			if repeated {
				name += ", a tenth of them twice"
			}
			b.Run(name, func(b *testing.B) {
				tb := newTable(b, openDuck(b), "good", prices.MergeSQL(), prices.ArrowSchema())
				var body strings.Builder
				r := rand.New(rand.NewPCG(1, 2))
				for i := range n {
					id := i
					if repeated && i%10 == 0 {
						id++
					}
					fmt.Fprintf(&body, `{"id":"coin-%d","time":%d,"priceUsd":"%d.5","rank":3}`+"\n", id%100, 1745712000000+id/100*60000, r.IntN(1000))
				}
				k := decode(b, prices, object{key: "bronze/test/prices/x.ndjson", version: "v", modified: firstDay, body: body.String()})
				b.ResetTimer()
				for range b.N {
					tb.exec(tb.merge.Incoming)
					if err := tb.conn.Insert(context.Background(), "incoming", tb.arrow, k.rows...); err != nil {
						b.Fatal(err)
					}
					tb.exec(`create or replace temp view existing as select * from good`)
					tb.exec(tb.changes())
					write := tb.merge.Appended
					if len(tb.query(tb.merge.Files)) > 0 {
						write = tb.merge.Rows
					}
					rows, err := tb.conn.Query(context.Background(), write)
					if err != nil {
						b.Fatal(err)
					}
					for _, err := range rows.All() {
						if err != nil {
							b.Fatal(err)
						}
					}
					rows.Close()
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
