package promote_test

import (
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/promote"
	"millrace/reactor/silver"
	"millrace/reactor/silver/definition"
)

// everyType is a dataset with a column of each type that a file can name.
const everyType = `name: test/kinds
table: kinds
key: [id, observed_at]
fields:
  - {column: id, type: text, required: true}
  - {column: observed_at, path: t, type: time(s), required: true}
  - {column: b, type: boolean}
  - {column: i, type: integer}
  - {column: l, type: long}
  - {column: d, type: "decimal(9,2)"}
  - {column: f, type: double}
  - {column: day, type: date}
  - {column: j, type: json}
  - {column: texts, type: list<text>}
  - {column: numbers, type: "list<decimal(9,2)>"}
  - {column: by_name, type: "map<text, long>"}
  - {column: lists, type: "map<text, list<text>>"}
  - {column: thing, type: "struct<a: text, b: boolean, c: list<struct<d: long>>>"}
`

// kinds promotes the objects of everyType into a lake.
func kinds(t *testing.T, s *silverLake, text string) *promote.Silver {
	t.Helper()
	d, err := definition.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return kindsOf(t, s, d)
}

func kindsOf(t *testing.T, s *silverLake, d *silver.Dataset) *promote.Silver {
	t.Helper()
	p, err := promote.NewSilver(s.cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := p.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// Values of every type are merged, replaced and removed: the table is what the versions that are left give, whatever came before.
func TestEveryTypeIsMergedAndRemoved(t *testing.T) {
	client := store(t)
	s := openSilver(t, client, "lakehouse")
	s.promoter = kinds(t, s, everyType)
	b := bucket.Bucket{Client: client, Name: "lakehouse"}
	const (
		full = `{"id":"a","t":1772323200,"b":true,"i":1,"l":9007199254740993,"d":"1.5","f":0.1,"day":"2026-02-28","j":{"x": [1, 2]},"texts":["x",null],"numbers":[1,"2.25"],"by_name":{"z":1,"a":null},` +
			`"lists":{"k":"v"},"thing":{"a":"x","b":false,"c":[{"d":7},{}],"more":1}}`
		bare  = `{"id":"b","t":1772323201}`
		other = `{"id":"a","t":1772323200,"texts":[],"numbers":null,"by_name":{},"thing":{"c":null},"f":-0.0}`
		bad   = `{"id":"c","t":1772323200,"numbers":["many"]},{"id":"d","t":1772323200,"l":9223372036854775808},{"id":"e","t":1772323200,"d":10000000}`
	)
	const columns = "select string_agg(concat_ws('|', id, b, i, l, d, f, day, j, texts, numbers, by_name, lists, thing, extra), chr(10) order by id) from found"
	const wantFull = `a|true|1|9007199254740993|1.50|0.1|2026-02-28|{"x":[1,2]}|[x, NULL]|[1.00, 2.25]|{a=NULL, z=1}|{k=[v]}|{'a': x, 'b': false, 'c': [{'d': 7}, {'d': NULL}]}`
	sees := func(when, want string) {
		t.Helper()
		if got := s.ask("silver.kinds", columns); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", when, got, want)
		}
	}
	first := putBody(t, b, "bronze/test/kinds/ingest_date=2026-03-01/a.json", "["+full+","+bare+","+bad+"]")
	s.handle(event.Delivery{Object: first, Attempt: 1})
	// A list that its column cannot hold is no reason to lose the row: it stays in extra.
	sees("new rows", wantFull+"\nb\nc|{\"numbers\":[\"many\"]}")
	refused := s.ask("silver.rejected", "select string_agg(field || ': ' || reason, chr(10) order by field) from found")
	if refused != `d: "10000000" does not fit decimal(9,2): at most 7 digits before the point`+"\n"+`l: "9223372036854775808" does not fit 64 bits` {
		t.Errorf("refused: %s", refused)
	}
	second := putBody(t, b, "bronze/test/kinds/ingest_date=2026-03-01/b.json", "["+other+"]")
	s.handle(event.Delivery{Object: second, Attempt: 1}, event.Delivery{Object: first, Attempt: 1, Run: "again"})
	sees("a newer row", "a|0.0|[]|{}|{'a': NULL, 'b': NULL, 'c': NULL}\nb\nc|{\"numbers\":[\"many\"]}")
	if err := b.Client.RemoveObject(t.Context(), b.Name, second.Key, s3.RemoveObjectOptions{VersionID: second.Version}); err != nil {
		t.Fatal(err)
	}
	second.Removed = true
	s.handle(event.Delivery{Object: second, Attempt: 1})
	sees("the row that had lost is back", wantFull+"\nb\nc|{\"numbers\":[\"many\"]}")

	// A field more is a column more; what the file has in another order does not matter.
	more := strings.Replace(everyType, "  - {column: b, type: boolean}\n", "  - {column: w, type: \"struct<p: double>\"}\n", 1) + "  - {column: b, type: boolean}\n"
	s.promoter = kinds(t, s, more)
	third := putBody(t, b, "bronze/test/kinds/ingest_date=2026-03-01/c.json", `[{"id":"g","t":1772323200,"b":true,"w":{"p":1.5}}]`)
	s.handle(event.Delivery{Object: third, Attempt: 1}, event.Delivery{Object: first, Attempt: 1, Run: "again"})
	sees("a column more", wantFull+"\nb\nc|{\"numbers\":[\"many\"]}\ng|true")
	if got := s.ask("silver.kinds", "select string_agg(w.p::varchar, ',') from found"); got != "1.5" {
		t.Errorf("the new column holds %s", got)
	}

	// Types that hold more and other names: no file is rewritten, and old rows and new ones are read alike.
	wide := strings.NewReplacer("{column: i, type: integer}", "{column: i, type: long}", "decimal(9,2)\"}\n  - {column: f", "decimal(12,2)\"}\n  - {column: f",
		"{column: l, type: long}", "{column: big, path: l, was: [l], type: long}").Replace(more)
	before := s.ask("silver.kinds", "select count(distinct id)::varchar from found")
	s.promoter = kinds(t, s, wide)
	if got := s.ask("silver.kinds", "select string_agg(concat_ws('|', id, big, d, i), chr(10) order by id) from found where id = 'a'"); got != "a|9007199254740993|1.50|1" {
		t.Errorf("old rows under new types: %s, of %s", got, before)
	}
	fourth := putBody(t, b, "bronze/test/kinds/ingest_date=2026-03-01/d.json", `[{"id":"h","t":1772323200,"l":5,"i":3000000000,"d":"1234567890.25"}]`)
	s.handle(event.Delivery{Object: fourth, Attempt: 1}, event.Delivery{Object: first, Attempt: 1, Run: "once more"})
	if got := s.ask("silver.kinds", "select string_agg(concat_ws('|', id, big, d, i), chr(10) order by id) from found where big is not null"); got != "a|9007199254740993|1.50|1\nh|5|1234567890.25|3000000000" {
		t.Errorf("old and new rows under new types: %s", got)
	}

	// What would lose something is refused before anything is written.
	d, err := definition.Parse([]byte(strings.Replace(wide, "{column: i, type: long}", "{column: i, type: text}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := promote.NewSilver(s.cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	was := s.ask("silver.kinds", "select count(*)::varchar from found")
	if err := p.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "silver.kinds has the column i as long, and its definition says string") {
		t.Errorf("a column of another kind: %v", err)
	}
	if got := s.ask("silver.kinds", "select count(*)::varchar from found"); got != was {
		t.Errorf("%s rows, before %s", got, was)
	}
}
