package rows

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
)

func connect(t *testing.T) *duck.Conn {
	t.Helper()
	c, done, err := duck.OpenConn(duck.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return c
}

func wanted(t *testing.T) *arrow.Schema {
	t.Helper()
	text := iceberg.PrimitiveTypes.String
	s, err := table.SchemaToArrowSchema(iceberg.NewSchema(0,
		iceberg.NestedField{ID: 1, Name: "id", Type: text, Required: true},
		iceberg.NestedField{ID: 2, Name: "at", Type: iceberg.PrimitiveTypes.TimestampTz},
		iceberg.NestedField{ID: 3, Name: "price", Type: iceberg.DecimalTypeOf(38, 28)},
		iceberg.NestedField{ID: 4, Name: "tokens", Type: &iceberg.MapType{KeyID: 5, KeyType: text, ValueID: 6, ValueType: &iceberg.ListType{ElementID: 7, Element: text}}},
	), nil, true, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const row = `'x' as id, timestamptz '2026-01-31 12:00:00.123456+00' as at, 1.5::decimal(38,28) as price, map {'chain': ['a', null]}::map(varchar, varchar[]) as tokens`

func TestSelectGivesTheTablesOwnSchema(t *testing.T) {
	schema := wanted(t)
	n := 0
	for b, err := range Select(t.Context(), connect(t), "select "+row+" union all select 'y', null, null, null order by id", schema) {
		if err != nil {
			t.Fatal(err)
		}
		n += int(b.NumRows())
		if !b.Schema().Equal(schema) {
			t.Errorf("the batch has %s, want %s", b.Schema(), schema)
		}
		var got []string
		for i := range int(b.NumCols()) {
			got = append(got, b.Column(i).ValueStr(0), b.Column(i).ValueStr(1))
		}
		want := "x y 2026-01-31T12:00:00.123456Z (null) 1.5 (null) [{\"key\":\"chain\",\"value\":[\"a\",null]}] (null)"
		if strings.Join(got, " ") != want {
			t.Errorf("the rows are %s, want %s", strings.Join(got, " "), want)
		}
		if b.Column(3).(*array.Map).Items().(*array.List).ListValues().NullN() != 1 {
			t.Error("the null in the list is gone")
		}
		b.Release()
	}
	if n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

func TestSelectRefusesOtherColumns(t *testing.T) {
	c := connect(t)
	for sql, want := range map[string]string{
		"select 1 as id": "the query has 1 columns, the table has 4",
		"select * replace (null::varchar as id) from (select " + row + ")":          "column id has nulls",
		"select * replace (1.5::decimal(38,18) as price) from (select " + row + ")": "column price: it is decimal(38, 18), the table has decimal(38, 28)",
		`select * replace (now()::timestamp as "at") from (select ` + row + ")":     "column at: it is timestamp",
		"select * replace (map {'c': 'a'} as tokens) from (select " + row + ")":     "column tokens: it is",
		"select * rename (price as cost) from (select " + row + ")":                 "column 3 is cost in the query and price in the table",
		"select nothing": "Binder Error",
	} {
		var got error
		for b, err := range Select(t.Context(), c, sql, wanted(t)) {
			if got = err; err == nil {
				b.Release()
			}
		}
		if got == nil || !strings.Contains(got.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", sql, got, want)
		}
	}
}
