package silver_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"

	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

func TestSchemaIsWhatIcebergMakesOfIt(t *testing.T) {
	schemas := map[string]*iceberg.Schema{silver.RejectedTable: silver.RejectedSchema(), "later": later().Schema()}
	arrows := map[string]interface{ String() string }{silver.RejectedTable: silver.RejectedArrowSchema(), "later": later().ArrowSchema()}
	for _, d := range datasets.All() {
		schemas[d.Table], arrows[d.Table] = d.Schema(), d.ArrowSchema()
	}
	for name, schema := range schemas {
		want, err := icetable.SchemaToArrowSchema(schema, nil, true, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := arrows[name].String(); got != want.String() {
			t.Errorf("%s: Arrow schema\n%s\niceberg-go makes\n%s", name, got, want)
		}
		if name == "later" {
			continue
		}
		fresh, err := iceberg.AssignFreshSchemaIDs(schema, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !schema.Equals(fresh) {
			t.Errorf("%s: a new table would get other ids: %s, not %s", name, fresh, schema)
		}
	}
}

// Ids are in every data file ever written: a change here is a migration.
func TestIdsAreStable(t *testing.T) {
	for _, c := range []struct {
		schema *iceberg.Schema
		spec   iceberg.PartitionSpec
		want   string
	}{
		{datasets.Get("coincap/assets").Schema(), datasets.Get("coincap/assets").PartitionSpec(), `
1: asset_id: required string
2: observed_at: required timestamptz
3: rank: optional int
4: symbol: optional string
5: name: optional string
6: supply: optional decimal(38, 18)
7: max_supply: optional decimal(38, 18)
8: market_cap_usd: optional decimal(38, 18)
9: volume_usd_24h: optional decimal(38, 18)
10: price_usd: optional decimal(38, 28)
11: change_percent_24h: optional decimal(38, 18)
12: vwap_24h: optional decimal(38, 28)
13: explorer: optional string
14: tokens: optional map<string, list<string>>
18: source_key: required string
19: source_version: required string
20: source_row: required long
21: source_modified_at: required timestamptz
22: ingest_date: required date
23: extra: optional string
month(2) as observed_at_month`},
		{datasets.Get("coincap/history").Schema(), datasets.Get("coincap/history").PartitionSpec(), `
1: asset_id: required string
2: interval: required string
3: observed_at: required timestamptz
4: price_usd: optional decimal(38, 28)
5: circulating_supply: optional decimal(38, 18)
6: source_key: required string
7: source_version: required string
8: source_row: required long
9: source_modified_at: required timestamptz
10: ingest_date: required date
11: extra: optional string
month(3) as observed_at_month`},
		{silver.RejectedSchema(), silver.RejectedPartitionSpec(), `
1: dataset: required string
2: source_key: required string
3: source_version: required string
4: source_row: required long
5: source_modified_at: required timestamptz
6: ingest_date: required date
7: field: optional string
8: reason: required string
9: raw: required string
month(5) as source_modified_at_month`},
	} {
		var got strings.Builder
		for _, f := range c.schema.Fields() {
			f.Doc = ""
			got.WriteString("\n" + f.String())
		}
		for _, p := range c.spec.Fields() {
			got.WriteString("\n" + p.Transform.String() + "(" + itoa(p.SourceIDs[0]) + ") as " + p.Name)
		}
		if got.String() != c.want {
			t.Errorf("schema%s\nwant%s", got.String(), c.want)
		}
	}
}

// later is a dataset that got two columns after its release.
func later() *silver.Dataset {
	return silver.Define(silver.Dataset{
		Name: "test/later", Table: "later", At: "data", Key: []string{"observed_at"},
		Fields: []silver.Field{{Column: "observed_at", From: "t", Type: silver.Time, Required: true}, {Column: "first", From: "first", Type: silver.TextLists}},
		Later:  []silver.Field{{Column: "second", From: "second", Type: silver.TextLists}, {Column: "third", From: "third", Type: silver.Integer}},
	})
}

func TestColumnsThatCameLaterAreLast(t *testing.T) {
	d := later()
	var got []string
	for _, f := range d.Schema().Fields() {
		got = append(got, itoa(f.ID)+" "+f.Name)
	}
	want := "1 observed_at, 2 first, 6 source_key, 7 source_version, 8 source_row, 9 source_modified_at, 10 ingest_date, 11 extra, 12 second, 16 third"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("columns %s, want %s", s, want)
	}
	s := decode(t, d, object{key: "bronze/test/later/x.json", version: "v", modified: firstDay, body: `{"data":[{"t":"2026-11-01T00:00:00Z","second":{"a":["b"]},"third":3,"more":1}]}`})
	if n := s.rows[0].Column(8).ValueStr(0) + s.rows[0].Column(9).ValueStr(0) + s.rows[0].Column(7).ValueStr(0); n != `[{"key":"a","value":["b"]}]3{"more":1}` {
		t.Errorf("the later columns and extra hold %s", n)
	}
}

func TestDefineRefusesContradictions(t *testing.T) {
	at := silver.Field{Column: "observed_at", From: "t", Type: silver.Time, Required: true}
	for _, c := range []struct {
		want string
		d    silver.Dataset
	}{
		{"a dataset needs a name <source>/<dataset> and a table", silver.Dataset{Name: "x"}},
		{`field "" (from "x"): a field needs a column, a name in the payload and a type`, silver.Dataset{Fields: []silver.Field{{From: "x"}}}},
		{"column a is there twice", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "a", Type: silver.Text}, {Column: "a", From: "b", Type: silver.Text}}}},
		{"column extra is there twice", silver.Dataset{Fields: []silver.Field{{Column: "extra", From: "a", Type: silver.Text}}}},
		{"two fields are named a", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "x", Type: silver.Text}, {Column: "b", From: "a", Type: silver.Text}}}},
		{"key column id must be a required field", silver.Dataset{Key: []string{"id"}, Fields: []silver.Field{at, {Column: "id", From: "id", Type: silver.Text}}}},
		{"observed_at must be part of the key: gold goes by its days", silver.Dataset{Fields: []silver.Field{at}}},
		{"the lone row's field id is no field", silver.Dataset{Key: []string{"observed_at"}, Fields: []silver.Field{at}, Lone: "id"}},
		{"field a: only a time can be confirmed by another value", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "a", Also: "b", Type: silver.Text}}}},
		{"field a: only decimals have a bound", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "a", Below: 1, Type: silver.Text}}}},
		{"field a: only numbers can be negative", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "a", NonNegative: true, Type: silver.Text}}}},
		{"field a: only a text has a list of values or a length", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "a", MaxBytes: 1, Type: silver.Time}}}},
		{"field a: metadata Asset must be lower case, as stores keep it", silver.Dataset{Fields: []silver.Field{{Column: "a", From: "a", Metadata: "Asset", Type: silver.Text}}}},
	} {
		if c.d.Name == "" {
			c.d.Name, c.d.Table = "test/x", "x"
		}
		func() {
			defer func() {
				if got, want := recover(), `silver: define dataset "`+c.d.Name+`": `+c.want; got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			silver.Define(c.d)
		}()
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
