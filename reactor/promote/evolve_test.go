package promote

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

func column(id int, name string, t iceberg.Type) iceberg.NestedField {
	return iceberg.NestedField{ID: id, Name: name, Type: t, Required: name == "day"}
}

var (
	date, text, double = iceberg.PrimitiveTypes.Date, iceberg.PrimitiveTypes.String, iceberg.PrimitiveTypes.Float64
	monthly            = iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{1}, FieldID: 1000, Name: "day_month", Transform: iceberg.MonthTransform{}})
)

func metadata(t *testing.T, schema *iceberg.Schema, more iceberg.Properties) table.Metadata {
	t.Helper()
	properties := iceberg.Properties{"format-version": "2"}
	for k, v := range more {
		properties[k] = v
	}
	meta, err := table.NewMetadata(schema, &monthly, table.UnsortedSortOrder, "s3://b/gold/x", properties)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

func TestEvolveKeepsTheIdsOfColumnsThatStay(t *testing.T) {
	first := iceberg.NewSchema(0, column(1, "day", date), column(2, "asset_id", text), column(3, "value", double), column(4, "gone", double))
	same := &gold.Model{Name: "gold.x", Digest: "1", Grain: []string{"day"}, Columns: []duck.Column{{Name: "day", Type: "DATE"}, {Name: "asset_id", Type: "VARCHAR"}, {Name: "value", Type: "DOUBLE"}, {Name: "gone", Type: "DOUBLE"}}}
	if f := fitOf(metadata(t, first, nil), same); f.evolve != nil || f.anew {
		t.Error("the same columns get another schema")
	}
	// A model's own schema numbers columns from 1, in their order.
	other := &gold.Model{Name: "gold.x", Digest: "2", Grain: []string{"day"}, Columns: []duck.Column{{Name: "asset_id", Type: "VARCHAR"}, {Name: "day", Type: "DATE"}, {Name: "new", Type: "DOUBLE"}, {Name: "value", Type: "VARCHAR"}}}
	f := fitOf(metadata(t, first, iceberg.Properties{digestProperty: "1"}), other)
	if f.evolve == nil || !f.anew {
		t.Fatal("other columns get no other schema")
	}
	for name, id := range map[string]int{"asset_id": 2, "day": 1, "new": 5, "value": 6} {
		if f, ok := f.evolve.FindFieldByName(name); !ok || f.ID != id {
			t.Errorf("column %s has id %d, want %d", name, f.ID, id)
		}
	}
	if f.evolve.NumFields() != 4 {
		t.Errorf("the schema is %s: a column that the earlier model made is still there", f.evolve)
	}
	if f.evolve.ID == first.ID {
		t.Error("the new schema has the old one's number")
	}
}

func TestColumnsOfOtherEnginesStay(t *testing.T) {
	model := &gold.Model{Name: "gold.x", Digest: "1", Grain: []string{"day"}, Columns: []duck.Column{{Name: "day", Type: "DATE"}, {Name: "value", Type: "DOUBLE"}}}
	made := iceberg.Properties{digestProperty: "1", columnsProperty: "day,value"}
	changed := iceberg.Properties{digestProperty: "0", columnsProperty: "day,value,gone"}
	required := column(3, "remark", text)
	required.Required = true
	relaxed := column(1, "day", date)
	relaxed.Required = false
	for name, test := range map[string]struct {
		fields     []iceberg.NestedField
		properties iceberg.Properties
		columns    string // of the schema that it gets; empty when it gets none
		anew       bool
	}{
		"a column more":            {[]iceberg.NestedField{column(1, "day", date), column(2, "value", double), column(3, "remark", text)}, made, "", false},
		"another order":            {[]iceberg.NestedField{column(2, "value", double), column(1, "day", date)}, made, "", false},
		"day may be null":          {[]iceberg.NestedField{relaxed, column(2, "value", double)}, made, "", false},
		"a required column more":   {[]iceberg.NestedField{column(1, "day", date), column(2, "value", double), required}, made, "1 day, 2 value, 3 remark", false},
		"a column less":            {[]iceberg.NestedField{column(1, "day", date), column(3, "remark", text)}, made, "1 day, 4 value, 3 remark", true},
		"a column retyped":         {[]iceberg.NestedField{column(1, "day", date), column(2, "value", text)}, made, "1 day, 3 value", true},
		"day renamed":              {[]iceberg.NestedField{column(1, "at", date), column(2, "value", double)}, made, "1 day, 2 value", true},
		"another model":            {[]iceberg.NestedField{column(1, "day", date), column(2, "value", double), column(3, "remark", text), column(4, "gone", text)}, changed, "1 day, 2 value, 3 remark", false},
		"a release without a list": {[]iceberg.NestedField{column(1, "day", date), column(2, "value", double), column(3, "remark", text)}, iceberg.Properties{digestProperty: "1"}, "", false},
	} {
		f := fitOf(metadata(t, iceberg.NewSchema(0, test.fields...), test.properties), model)
		var columns []string
		if f.evolve != nil {
			for _, c := range f.evolve.Fields() {
				columns = append(columns, fmt.Sprintf("%d %s", c.ID, c.Name))
			}
		}
		// NewMetadata numbers columns by their order, whatever their ids were.
		if test.columns != "" && len(columns) == 0 || test.columns == "" && len(columns) > 0 || f.anew != test.anew || len(strings.Split(test.columns, ", ")) != max(1, len(columns)) {
			t.Errorf("%s: the schema gets %v, anew %v, want %q, %v", name, columns, f.anew, test.columns, test.anew)
		}
		for i, c := range columns {
			if _, got, _ := strings.Cut(c, " "); !strings.HasSuffix(strings.Split(test.columns, ", ")[i], " "+got) {
				t.Errorf("%s: column %d is %s, want %s", name, i, c, test.columns)
			}
		}
	}
}

// A change of a gold table's schema by another engine costs no row: 7,976 rows became 21.
func TestASchemaChangeByAnotherEngineCostsNoRow(t *testing.T) {
	w := openWorkshop(t)
	w.days("2026-01-20", 40, "bitcoin", "tether")
	w.bring()
	const columns = "asset_id, day, n_obs_7, sma_7, return_1d"
	before := w.rows("gold.rolling_averages", columns, "true")
	if len(before) != 80 {
		t.Fatalf("%d rows, want 80", len(before))
	}
	// alter changes the schema as Spark's ALTER TABLE does: fields keep their ids.
	alter := func(change func([]iceberg.NestedField, int) []iceberg.NestedField) {
		t.Helper()
		base := w.table("gold.rolling_averages")
		fields := change(base.Meta.CurrentSchema().Fields(), base.Meta.LastColumnID()+1)
		w.commit(lake.Change{Base: base, Evolve: iceberg.NewSchema(len(base.Meta.Schemas()), fields...), Properties: iceberg.Properties{"altered": fmt.Sprint(len(base.Meta.Schemas()))}})
	}
	day := 0
	step := func(what string) {
		t.Helper()
		day++
		w.days(fmt.Sprintf("2026-03-%02d", day), 1, "bitcoin", "tether")
		w.bring()
		w.same(what, w.rows("gold.rolling_averages", columns, "day < date '2026-03-01'"), before)
		if n := len(w.rows("gold.rolling_averages", "day", "day >= date '2026-03-01'")); n != 2*day {
			t.Errorf("%s: %d rows of new days, want %d", what, n, 2*day)
		}
	}
	alter(func(fields []iceberg.NestedField, next int) []iceberg.NestedField {
		return append(fields, iceberg.NestedField{ID: next, Name: "remark", Type: iceberg.PrimitiveTypes.String}, iceberg.NestedField{ID: next + 1, Name: "tags", Type: &iceberg.ListType{ElementID: next + 2, Element: iceberg.PrimitiveTypes.Int32}})
	})
	step("columns added")
	alter(func(fields []iceberg.NestedField, _ int) []iceberg.NestedField {
		last := len(fields) - 1
		return append([]iceberg.NestedField{fields[last]}, fields[:last]...)
	})
	step("another order")
	alter(func(fields []iceberg.NestedField, _ int) []iceberg.NestedField {
		for i := range fields {
			fields[i].Required = false
		}
		return fields
	})
	step("all may be null")
	if got := w.rows("gold.rolling_averages", "typeof(remark), typeof(tags)", "remark is null and tags is null"); len(got) != 80+2*day || !slices.Contains(got, "VARCHAR INTEGER[]") {
		t.Errorf("the columns of the other engine are not there, null: %d rows", len(got))
	}
	alter(func(fields []iceberg.NestedField, _ int) []iceberg.NestedField {
		return slices.DeleteFunc(fields, func(f iceberg.NestedField) bool { return f.Name == "sma_7" })
	})
	step("a column of the model dropped")
	alter(func(fields []iceberg.NestedField, _ int) []iceberg.NestedField {
		for i := range fields {
			if fields[i].Name == "day" {
				fields[i].Name = "at"
			}
		}
		return fields
	})
	step("the partition's column renamed")
	if got := w.rows("gold.rolling_averages", "typeof(remark)", "true"); len(got) != 80+2*day || got[0] != "VARCHAR" {
		t.Errorf("the column of the other engine is gone")
	}
	for _, table := range []string{"gold.daily_summary", "gold.rankings"} {
		if n := len(w.rows(table, "day", "true")); n != 80+2*day {
			t.Errorf("%s has %d rows, want %d", table, n, 80+2*day)
		}
	}
}

func TestNoCommitRemovesRowsOfDaysThatAreNotComputed(t *testing.T) {
	w := openWorkshop(t)
	w.days("2026-01-20", 40, "bitcoin")
	w.bring()
	base := w.table("gold.daily_summary")
	files, err := w.lake.Files(t.Context(), base, base.Snapshot(), lake.AllMonths)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	first, _ := plan.ParseDay("2026-01-20")
	all := plan.Of(plan.Range{From: first, To: first + 39})
	if err := refuseLoss(base, files, nil, all); err != nil {
		t.Errorf("every day is computed: %v", err)
	}
	if err := refuseLoss(base, files[:1], map[string]bool{files[0].ID(): true}, plan.Days{}); err != nil {
		t.Errorf("the rows are carried over: %v", err)
	}
	err = refuseLoss(base, files, map[string]bool{files[0].ID(): true}, plan.Only(first+39))
	if err == nil || !strings.Contains(err.Error(), "would remove") || !strings.Contains(err.Error(), "gold.daily_summary") {
		t.Errorf("rows are lost, and the error is %v", err)
	}
}
