package silver

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/go-json-experiment/json/jsontext"
)

func scaleOf(a arrow.Array) int32 { return a.DataType().(arrow.DecimalType).GetScale() }

var errNotUTF8 = errors.New("not valid UTF-8")

// shape is what Arrow's type of a column, or of what is inside of it, does not say.
type shape struct {
	// int96 is a time in Impala's 12 bytes.
	int96 bool
	// known: a column of the dataset, or inside of one. Bytes without a type are refused there: nobody can say what they mean.
	known bool
	inner []shape
}

func shapeOf(field *pqarrow.SchemaField, int96 map[int]bool, known bool) shape {
	s := shape{known: known, int96: len(field.Children) == 0 && int96[field.ColIndex]}
	for i := range field.Children {
		s.inner = append(s.inner, shapeOf(&field.Children[i], int96, known))
	}
	return s
}

// at is the shape of what is inside: a list's element, a map's pairs, a member of a struct.
func (s *shape) at(i int) *shape {
	if i < len(s.inner) {
		return &s.inner[i]
	}
	return &shape{known: s.known}
}

// appendJSON writes one value of a column as JSON. Decimals keep all their digits; a double is written with the fewest
// digits that give it back, which is what it was before somebody made a double of it; NaN is a text, and refused later.
func appendJSON(out []byte, column arrow.Array, i int, s *shape) ([]byte, error) {
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
		return appendJSON(out, a.Dictionary(), a.GetValueIndex(i), s)
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
	case *array.FixedSizeBinary:
		if s.int96 || s.known {
			return appendFixed(out, a.Value(i), s)
		}
	case *array.Null: // it has no bitmap of nulls, and so says of each value that it is there
		return append(out, "null"...), nil
	case *array.Map:
		return appendMap(out, a, i, s.at(0))
	case array.ListLike:
		return appendList(out, a, i, s.at(0))
	case *array.Struct:
		return appendStruct(out, a, i, s)
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

const (
	julianUnixEpoch = 2440588 // the Julian day of 1970-01-01
	secondsOfDay    = 24 * 60 * 60
)

// appendFixed writes an INT96 as the time that it is, and refuses other bytes.
func appendFixed(out, value []byte, s *shape) ([]byte, error) {
	if !s.int96 {
		return strconv.AppendQuote(out, base64.StdEncoding.EncodeToString(value)), fmt.Errorf("is %d bytes without a type: write it as text, number or time", len(value))
	}
	nanos, day := binary.LittleEndian.Uint64(value), int64(binary.LittleEndian.Uint32(value[8:]))
	if nanos >= secondsOfDay*uint64(time.Second) {
		return append(out, "null"...), fmt.Errorf("is no time: %d nanoseconds of a day", nanos)
	}
	t := time.Unix((day-julianUnixEpoch)*secondsOfDay, int64(nanos)).UTC()
	return t.AppendFormat(out, `"`+time.RFC3339Nano+`"`), nil
}

func appendList(out []byte, a array.ListLike, i int, element *shape) ([]byte, error) {
	from, to := a.ValueOffsets(i)
	var first error
	out = append(out, '[')
	for j := from; j < to; j++ {
		if j > from {
			out = append(out, ',')
		}
		var err error
		if out, err = appendJSON(out, a.ListValues(), int(j), element); err != nil && first == nil {
			first = err
		}
	}
	return append(out, ']'), first
}

func appendMap(out []byte, a *array.Map, i int, pair *shape) ([]byte, error) {
	from, to := a.ValueOffsets(i)
	var first error
	out = append(out, '{')
	for j := from; j < to; j++ {
		if j > from {
			out = append(out, ',')
		}
		var err error
		if out, err = appendKey(out, a.Keys(), int(j), pair.at(0)); err != nil && first == nil {
			first = err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, a.Items(), int(j), pair.at(1)); err != nil && first == nil {
			first = err
		}
	}
	return append(out, '}'), first
}

// appendKey writes a map's key, which JSON wants as a text.
func appendKey(out []byte, keys arrow.Array, j int, s *shape) ([]byte, error) {
	if fixed, ok := keys.(*array.FixedSizeBinary); ok && (s.int96 || s.known) {
		return appendFixed(out, fixed.Value(j), s)
	}
	return appendText(out, keys.ValueStr(j))
}

func appendStruct(out []byte, a *array.Struct, i int, s *shape) ([]byte, error) {
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
		if out, err = appendJSON(out, a.Field(j), i, s.at(j)); err != nil && first == nil {
			first = err
		}
	}
	return append(out, '}'), first
}
