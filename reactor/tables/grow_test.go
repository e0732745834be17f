package tables

import (
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// Spark: alter table lakehouse.silver.asset_snapshots alter column rank type bigint. The reactor wrote on, and did not start again.
func TestAColumnMadeWiderIsStillItsDefinitions(t *testing.T) {
	integer, long, text := iceberg.PrimitiveTypes.Int32, iceberg.PrimitiveTypes.Int64, iceberg.PrimitiveTypes.String
	for _, c := range []struct {
		is, wanted iceberg.Type
		says       string
	}{
		{integer, integer, ""},
		{long, integer, ""},
		{integer, long, "as int, and its definition says long"},
		{text, integer, "as string, and its definition says int"},
	} {
		schema := func(kind iceberg.Type) *iceberg.Schema {
			return iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "rank", Type: kind})
		}
		meta, err := table.NewMetadata(schema(c.is), iceberg.UnpartitionedSpec, table.UnsortedSortOrder, "s3://lake/t", nil)
		if err != nil {
			t.Fatal(err)
		}
		lacking, err := Lacking(meta, lake.Definition{Name: "silver.t", Schema: schema(c.wanted)})
		if len(lacking) != 0 || c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("a table with %s, a definition with %s: %v, %v", c.is, c.wanted, lacking, err)
		}
	}
}

// A definition with other names and wider types changes the schema, and each column keeps its id. What would lose something is an error.
func TestATableGrowsIntoItsDefinition(t *testing.T) {
	is := iceberg.NewSchema(0,
		iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.String, Required: true},
		iceberg.NestedField{ID: 2, Name: "rank", Type: iceberg.PrimitiveTypes.Int32},
		iceberg.NestedField{ID: 3, Name: "price", Type: iceberg.DecimalTypeOf(9, 2)},
		iceberg.NestedField{ID: 4, Name: "theirs", Type: iceberg.PrimitiveTypes.Date})
	meta, err := table.NewMetadata(is, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, "s3://lake/t", nil)
	if err != nil {
		t.Fatal(err)
	}
	wanted := func(price iceberg.Type) lake.Definition {
		return lake.Definition{Name: "silver.t", Former: map[string][]string{"place": {"position", "rank"}}, Schema: iceberg.NewSchema(0,
			iceberg.NestedField{ID: 1, Name: "price", Type: price},
			iceberg.NestedField{ID: 2, Name: "id", Type: iceberg.PrimitiveTypes.String, Required: true},
			iceberg.NestedField{ID: 3, Name: "place", Type: iceberg.PrimitiveTypes.Int64},
			iceberg.NestedField{ID: 4, Name: "more", Type: iceberg.PrimitiveTypes.Bool})}
	}
	g, err := Grow(meta, wanted(iceberg.DecimalTypeOf(12, 2)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range g.Schema.Fields() {
		got = append(got, f.String())
	}
	want := "1: id: required string, 2: place: optional long, 3: price: optional decimal(12, 2), 4: theirs: optional date, 5: more: optional boolean"
	if s := strings.Join(got, ", "); s != want || len(g.Renamed) != 1 || len(g.Widened) != 2 || len(g.Added) != 1 {
		t.Errorf("%s, renamed %v, widened %v, added %v; want %s", s, g.Renamed, g.Widened, g.Added, want)
	}
	if spark := ReadingOf(g.Widened)["read.parquet.vectorization.enabled"]; spark != "false" || ReadingOf(g.Widened[:1]) != nil {
		t.Errorf("Spark is told %q where an int becomes a long, and %v of a wider decimal", spark, ReadingOf(g.Widened[:1]))
	}
	lacking := wanted(iceberg.DecimalTypeOf(9, 2))
	lacking.Schema = iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "key", Type: iceberg.PrimitiveTypes.String, Required: true})
	if g, err := Grow(meta, lacking); err != nil || len(g.Added) != 1 || !g.Added[0].Required || g.Schema.Field(4).Required {
		t.Errorf("a needed column that the table lacks: %+v, %v", g, err)
	}
	for _, narrow := range []iceberg.Type{iceberg.DecimalTypeOf(8, 2), iceberg.DecimalTypeOf(12, 3), iceberg.PrimitiveTypes.Int64} {
		if g, err := Grow(meta, wanted(narrow)); err == nil || g.Schema != nil {
			t.Errorf("a column of decimal(9, 2) becomes %s: %v", narrow, err)
		}
	}
	d := wanted(iceberg.DecimalTypeOf(9, 2))
	d.Schema = iceberg.NewSchema(0, is.Fields()[0], is.Fields()[2])
	if g, err := Grow(meta, d); err != nil || g.Schema != nil {
		t.Errorf("a definition with fewer columns changes nothing: %+v, %v", g, err)
	}
}
