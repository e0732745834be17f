package query

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
)

// Cells gives rows of DuckDB as values to print.
func Cells(rows *duck.Rows) iter.Seq2[[]any, error] { return cells(rows.All()) }

func cells(batches iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for b, err := range batches {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range int(b.NumRows()) {
				if !yield(Row(b, i), nil) {
					return
				}
			}
		}
	}
}

// Row is one row of a batch.
func Row(b arrow.RecordBatch, i int) []any {
	row := make([]any, b.NumCols())
	for j := range row {
		row[j] = Cell(b.Column(j), i)
	}
	return row
}

// Cell is one value of a result, as it is printed: decimals as the number they are, digit for digit.
func Cell(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch c := column.(type) {
	case *array.Decimal128:
		return json.Number(TrimZeros(c.Value(i).ToString(c.DataType().(*arrow.Decimal128Type).Scale)))
	case *array.Timestamp:
		return c.Value(i).ToTime(c.DataType().(*arrow.TimestampType).Unit)
	case *array.Date32:
		return c.Value(i).FormattedString()
	case *array.String:
		return strings.Clone(c.Value(i)) // the batch's memory is DuckDB's, and goes with it
	case *array.Boolean:
		return c.Value(i)
	case *array.Int8:
		return int64(c.Value(i))
	case *array.Int16:
		return int64(c.Value(i))
	case *array.Int32:
		return int64(c.Value(i))
	case *array.Int64:
		return c.Value(i)
	case *array.Uint8:
		return int64(c.Value(i))
	case *array.Uint16:
		return int64(c.Value(i))
	case *array.Uint32:
		return int64(c.Value(i))
	case *array.Uint64:
		return c.Value(i)
	case *array.Float32:
		return float64(c.Value(i))
	case *array.Float64:
		return c.Value(i)
	case *array.Map:
		start, end := c.ValueOffsets(i)
		object := map[string]any{}
		for n := int(start); n < int(end); n++ {
			object[c.Keys().ValueStr(n)] = Cell(c.Items(), n)
		}
		return object
	case *array.List:
		start, end := c.ValueOffsets(i)
		list := []any{}
		for n := int(start); n < int(end); n++ {
			list = append(list, Cell(c.ListValues(), n))
		}
		return list
	}
	if c, ok := column.(*array.Struct); ok {
		object := map[string]any{}
		for n, f := range c.DataType().(*arrow.StructType).Fields() {
			object[f.Name] = Cell(c.Field(n), i)
		}
		return object
	}
	return strings.Clone(column.ValueStr(i))
}

// TrimZeros takes off the zeros that only fill a decimal up to its scale.
func TrimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
