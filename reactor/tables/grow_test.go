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
