package promote

import (
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func column(id int, name string, t iceberg.Type) iceberg.NestedField {
	return iceberg.NestedField{ID: id, Name: name, Type: t, Required: name == "day"}
}

func TestEvolveKeepsTheIdsOfColumnsThatStay(t *testing.T) {
	date, text, double := iceberg.PrimitiveTypes.Date, iceberg.PrimitiveTypes.String, iceberg.PrimitiveTypes.Float64
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{1}, FieldID: 1000, Name: "day_month", Transform: iceberg.MonthTransform{}})
	first := iceberg.NewSchema(0, column(1, "day", date), column(2, "asset_id", text), column(3, "value", double), column(4, "gone", double))
	meta, err := table.NewMetadata(first, &spec, table.UnsortedSortOrder, "s3://b/gold/x", iceberg.Properties{"format-version": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if evolve(meta, first) != nil {
		t.Error("the same columns need another schema")
	}
	// As a model's own schema numbers them: from 1, in their order.
	wanted := iceberg.NewSchema(0, column(1, "asset_id", text), column(2, "day", date), column(3, "new", double), column(4, "value", text))
	got := evolve(meta, wanted)
	if got == nil {
		t.Fatal("other columns need no other schema")
	}
	for name, id := range map[string]int{"asset_id": 2, "day": 1, "new": 5, "value": 6} {
		if f, ok := got.FindFieldByName(name); !ok || f.ID != id {
			t.Errorf("column %s has id %d, want %d", name, f.ID, id)
		}
	}
	if got.ID == first.ID {
		t.Error("the new schema has the old one's number")
	}
}
