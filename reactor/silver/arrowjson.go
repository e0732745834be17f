package silver

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
)

func scaleOf(a arrow.Array) int32 { return a.DataType().(arrow.DecimalType).GetScale() }

var errNotUTF8 = errors.New("not valid UTF-8")

// appendJSON writes one value of a column as JSON. Decimals keep all their digits; a double is written with the fewest
// digits that give it back, which is what it was before somebody made a double of it; NaN is a text, and refused later.
func appendJSON(out []byte, column arrow.Array, i int) ([]byte, error) {
	if column.IsNull(i) {
		return append(out, "null"...), nil
	}
	switch a := column.(type) {
	case *array.String:
		return appendText(out, a.Value(i))
	case *array.LargeString:
		return appendText(out, a.Value(i))
	case *array.Binary:
		return appendText(out, a.ValueString(i))
	case *array.LargeBinary:
		return appendText(out, a.ValueString(i))
	case *array.Dictionary:
		return appendJSON(out, a.Dictionary(), a.GetValueIndex(i))
	case *array.Boolean:
		return strconv.AppendBool(out, a.Value(i)), nil
	case *array.Int8:
		return strconv.AppendInt(out, int64(a.Value(i)), 10), nil
	case *array.Int16:
		return strconv.AppendInt(out, int64(a.Value(i)), 10), nil
	case *array.Int32:
		return strconv.AppendInt(out, int64(a.Value(i)), 10), nil
	case *array.Int64:
		return strconv.AppendInt(out, a.Value(i), 10), nil
	case *array.Uint8:
		return strconv.AppendUint(out, uint64(a.Value(i)), 10), nil
	case *array.Uint16:
		return strconv.AppendUint(out, uint64(a.Value(i)), 10), nil
	case *array.Uint32:
		return strconv.AppendUint(out, uint64(a.Value(i)), 10), nil
	case *array.Uint64:
		return strconv.AppendUint(out, a.Value(i), 10), nil
	case *array.Float16:
		return appendFloat(out, float64(a.Value(i).Float32()), 32), nil
	case *array.Float32:
		return appendFloat(out, float64(a.Value(i)), 32), nil
	case *array.Float64:
		return appendFloat(out, a.Value(i), 64), nil
	case *array.Decimal32:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Decimal64:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Decimal128:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Decimal256:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Timestamp:
		t := a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit)
		return t.UTC().AppendFormat(out, `"`+time.RFC3339Nano+`"`), nil
	case *array.Date32:
		return a.Value(i).ToTime().UTC().AppendFormat(out, `"`+time.DateOnly+`"`), nil
	case *array.Map:
		return appendMap(out, a, i)
	case array.ListLike:
		return appendList(out, a, i)
	case *array.Struct:
		return appendStruct(out, a, i)
	}
	return appendText(out, column.ValueStr(i))
}

func appendText(out []byte, text string) ([]byte, error) {
	out, err := jsontext.AppendQuote(out, text)
	if err != nil {
		return out, errNotUTF8
	}
	return out, nil
}

func appendFloat(out []byte, f float64, size int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.AppendQuote(out, strconv.FormatFloat(f, 'g', -1, size))
	}
	return strconv.AppendFloat(out, f, 'g', -1, size)
}

func appendList(out []byte, a array.ListLike, i int) ([]byte, error) {
	from, to := a.ValueOffsets(i)
	var first error
	out = append(out, '[')
	for j := from; j < to; j++ {
		if j > from {
			out = append(out, ',')
		}
		var err error
		if out, err = appendJSON(out, a.ListValues(), int(j)); err != nil && first == nil {
			first = err
		}
	}
	return append(out, ']'), first
}

func appendMap(out []byte, a *array.Map, i int) ([]byte, error) {
	from, to := a.ValueOffsets(i)
	var first error
	out = append(out, '{')
	for j := from; j < to; j++ {
		if j > from {
			out = append(out, ',')
		}
		var err error
		if out, err = appendText(out, a.Keys().ValueStr(int(j))); err != nil && first == nil {
			first = err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, a.Items(), int(j)); err != nil && first == nil {
			first = err
		}
	}
	return append(out, '}'), first
}

func appendStruct(out []byte, a *array.Struct, i int) ([]byte, error) {
	var first error
	out = append(out, '{')
	for j := range a.NumField() {
		if j > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendText(out, a.DataType().(*arrow.StructType).Field(j).Name); err != nil && first == nil {
			first = err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, a.Field(j), i); err != nil && first == nil {
			first = err
		}
	}
	return append(out, '}'), first
}
