package lake

import (
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func TestOnlyTextsAreWrittenAsDictionaries(t *testing.T) {
	p := iceberg.PrimitiveTypes
	schema := iceberg.NewSchema(0,
		iceberg.NestedField{ID: 1, Name: "asset_id", Type: p.String}, iceberg.NestedField{ID: 2, Name: "price", Type: iceberg.DecimalTypeOf(38, 28)},
		iceberg.NestedField{ID: 3, Name: "seen", Type: p.TimestampTz}, iceberg.NestedField{ID: 4, Name: "rank", Type: p.Int32},
		iceberg.NestedField{ID: 5, Name: "links", Type: &iceberg.ListType{ElementID: 6, Element: p.String}})
	meta, err := newMetadata("s3://lakehouse", Definition{Name: "silver.a", Schema: schema, Spec: *iceberg.UnpartitionedSpec, Properties: iceberg.Properties{dictionaryOf + "rank": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	before := len(meta.Properties())
	w := newWriterMeta(meta)
	for column, want := range map[string]string{"asset_id": "", "price": "false", "seen": "false", "rank": "true", "links": ""} {
		if got := w.Properties()[dictionaryOf+column]; got != want {
			t.Errorf("the dictionary of %s is %q, want %q", column, got, want)
		}
	}
	if w.Properties()["write.parquet.compression-codec"] != "zstd" {
		t.Error("the table's own properties are gone")
	}
	if len(meta.Properties()) != before {
		t.Error("the table's properties have changed: its metadata would name all columns")
	}
	if _, err := table.MetadataBuilderFromBase(w, ""); err != nil {
		t.Errorf("iceberg-go cannot read it: %v", err)
	}
}
