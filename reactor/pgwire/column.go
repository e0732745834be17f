package pgwire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5/pgtype"

	"millrace/reactor/query"
)

// column is a column of a result, with PostgreSQL's type for it.
type column struct {
	name     string
	oid      uint32
	size     int16 // of a value in bytes, -1 for any
	modifier int32
}

// columnsOf are the columns of a result.
func columnsOf(schema *arrow.Schema) (all []column) {
	for _, f := range schema.Fields() {
		c := column{name: f.Name, oid: oidOf(f.Type), size: -1, modifier: -1}
		if n, ok := sizes[c.oid]; ok {
			c.size = n
		}
		if d, ok := f.Type.(arrow.DecimalType); ok {
			c.modifier = d.GetPrecision()<<16 | d.GetScale() + 4
		}
		all = append(all, c)
	}
	return all
}

var sizes = map[uint32]int16{
	pgtype.BoolOID: 1, pgtype.Int2OID: 2, pgtype.Int4OID: 4, pgtype.Int8OID: 8, pgtype.Float4OID: 4, pgtype.Float8OID: 8, pgtype.DateOID: 4,
	pgtype.TimeOID: 8, pgtype.TimestampOID: 8, pgtype.TimestamptzOID: 8, pgtype.IntervalOID: 16,
}

// arrays are the types of lists, by those of what is in them. Other lists are JSON.
var arrays = map[uint32]uint32{
	pgtype.BoolOID: pgtype.BoolArrayOID, pgtype.Int2OID: pgtype.Int2ArrayOID, pgtype.Int4OID: pgtype.Int4ArrayOID, pgtype.Int8OID: pgtype.Int8ArrayOID,
	pgtype.Float4OID: pgtype.Float4ArrayOID, pgtype.Float8OID: pgtype.Float8ArrayOID, pgtype.TextOID: pgtype.TextArrayOID, pgtype.NumericOID: pgtype.NumericArrayOID,
	pgtype.DateOID: pgtype.DateArrayOID, pgtype.TimestampOID: pgtype.TimestampArrayOID, pgtype.TimestamptzOID: pgtype.TimestamptzArrayOID,
}

// oidOf is PostgreSQL's type for Arrow's; nil is the type of what nobody knows. What has no like is text.
func oidOf(t arrow.DataType) uint32 {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return pgtype.BoolOID
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Uint8Type:
		return pgtype.Int2OID
	case *arrow.Int32Type, *arrow.Uint16Type:
		return pgtype.Int4OID
	case *arrow.Int64Type, *arrow.Uint32Type:
		return pgtype.Int8OID
	case *arrow.Uint64Type, *arrow.Decimal128Type, *arrow.Decimal256Type, *arrow.Decimal32Type, *arrow.Decimal64Type:
		return pgtype.NumericOID
	case *arrow.Float32Type:
		return pgtype.Float4OID
	case *arrow.Float64Type:
		return pgtype.Float8OID
	case *arrow.BinaryType, *arrow.LargeBinaryType:
		return pgtype.ByteaOID
	case *arrow.Date32Type:
		return pgtype.DateOID
	case *arrow.Time64Type:
		return pgtype.TimeOID
	case *arrow.TimestampType:
		if t.TimeZone == "" {
			return pgtype.TimestampOID
		}
		return pgtype.TimestamptzOID
	case *arrow.ListType:
		if oid, ok := arrays[oidOf(t.Elem())]; ok {
			return oid
		}
		return pgtype.JSONOID
	case *arrow.MapType, *arrow.StructType:
		return pgtype.JSONOID
	case *arrow.MonthDayNanoIntervalType:
		return pgtype.IntervalOID
	}
	return pgtype.TextOID
}

// encode writes a value, nil for null.
func (c column) encode(values arrow.Array, i int, format int16) ([]byte, error) {
	if values.IsNull(i) {
		return nil, nil
	}
	s, err := c.text(values, i)
	if err != nil || format == pgtype.TextFormatCode {
		return []byte(s), err
	}
	t, ok := types.TypeForOID(c.oid)
	if !ok {
		return []byte(s), nil
	}
	v, err := t.Codec.DecodeValue(types, c.oid, pgtype.TextFormatCode, []byte(s))
	if err != nil {
		return nil, fmt.Errorf("write %q as %s: %w", s, t.Name, err)
	}
	return types.Encode(c.oid, format, v, nil)
}

// text writes a value as PostgreSQL does.
func (c column) text(values arrow.Array, i int) (string, error) {
	switch a := values.(type) {
	case *array.Boolean:
		if a.Value(i) {
			return "t", nil
		}
		return "f", nil
	case *array.Float32:
		return float(float64(a.Value(i)), 32), nil
	case *array.Float64:
		return float(a.Value(i), 64), nil
	case *array.Decimal128:
		return query.TrimZeros(a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)), nil
	case *array.Binary:
		return `\x` + hex.EncodeToString(a.Value(i)), nil
	case *array.Timestamp:
		t := a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit).UTC()
		if c.oid == pgtype.TimestampOID || c.oid == pgtype.TimestampArrayOID {
			return t.Format("2006-01-02 15:04:05.999999"), nil
		}
		return t.Format("2006-01-02 15:04:05.999999") + "+00", nil
	case *array.Time64:
		return query.TrimZeros(values.ValueStr(i)), nil
	case *array.MonthDayNanoInterval:
		v := a.Value(i)
		sign, t := "", time.Duration(v.Nanoseconds)
		if t < 0 {
			sign, t = "-", -t
		}
		return fmt.Sprintf("%d mons %d days %s%02d:%02d:%02d.%06d", v.Months, v.Days, sign, t/time.Hour, t/time.Minute%60, t/time.Second%60, t/time.Microsecond%1e6), nil
	case *array.Date32:
		return a.Value(i).FormattedString(), nil
	case *array.List:
		if c.oid != pgtype.JSONOID {
			return c.list(a, i)
		}
		return asJSON(values, i)
	case *array.Map, *array.Struct:
		return asJSON(values, i)
	}
	return values.ValueStr(i), nil
}

func float(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

// list writes {a,"b c",NULL}.
func (c column) list(a *array.List, i int) (string, error) {
	start, end := a.ValueOffsets(i)
	parts := []string{}
	for n := int(start); n < int(end); n++ {
		if a.ListValues().IsNull(n) {
			parts = append(parts, "NULL")
			continue
		}
		s, err := c.text(a.ListValues(), n)
		if err != nil {
			return "", err
		}
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}

// asJSON writes what has no type in PostgreSQL.
func asJSON(values arrow.Array, i int) (string, error) {
	b, err := json.Marshal(query.Cell(values, i))
	return string(b), err
}
