package pgwire

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// types knows PostgreSQL's types and their binary forms.
var types = pgtype.NewMap()

// typeNames are DuckDB's names of the types that parameters come in. Numeric has none: a literal keeps its digits, and a cast
// would cut them.
var typeNames = map[uint32]string{
	pgtype.BoolOID: "BOOLEAN", pgtype.Int2OID: "SMALLINT", pgtype.Int4OID: "INTEGER", pgtype.Int8OID: "BIGINT", pgtype.OIDOID: "BIGINT",
	pgtype.Float4OID: "REAL", pgtype.Float8OID: "DOUBLE", pgtype.DateOID: "DATE", pgtype.TimeOID: "TIME", pgtype.TimestampOID: "TIMESTAMP",
	pgtype.TimestamptzOID: "TIMESTAMPTZ", pgtype.UUIDOID: "UUID", pgtype.IntervalOID: "INTERVAL",
}

var plainNumber = regexp.MustCompile(`^[+-]?[0-9]*\.?[0-9]+$`)

// literal writes a parameter's value as SQL. What has no type, or is a text, becomes a plain literal, which takes the type of what
// it is compared with, as it does in PostgreSQL.
func literal(oid uint32, format int16, value []byte) (string, error) {
	if value == nil {
		return "NULL", nil
	}
	t, known := types.TypeForOID(oid)
	if format == pgtype.BinaryFormatCode {
		if !known {
			return "", fmt.Errorf("its type (%d) is not known, and it is in binary form: send it as text", oid)
		}
		v, err := t.Codec.DecodeValue(types, oid, format, value)
		if err == nil {
			value, err = types.Encode(oid, pgtype.TextFormatCode, v, nil)
		}
		if err != nil {
			return "", fmt.Errorf("read a value of type %s: %w", t.Name, err)
		}
	}
	s := string(value)
	if strings.IndexByte(s, 0) >= 0 {
		return "", fmt.Errorf("it has a NUL character, which no text can have")
	}
	if known {
		if _, isArray := t.Codec.(*pgtype.ArrayCodec); isArray {
			return list(t, value)
		}
	}
	if oid == pgtype.NumericOID && plainNumber.MatchString(s) {
		return "(" + s + ")", nil
	}
	if oid == pgtype.NumericOID {
		return quote(s) + "::DOUBLE", nil
	}
	if oid == pgtype.ByteaOID {
		return "from_hex(" + quote(strings.TrimPrefix(s, `\x`)) + ")", nil
	}
	if name := typeNames[oid]; name != "" {
		return quote(s) + "::" + name, nil
	}
	return quote(s), nil
}

// list writes an array.
func list(t *pgtype.Type, value []byte) (string, error) {
	element := t.Codec.(*pgtype.ArrayCodec).ElementType
	var all []*string
	if err := types.Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, value, &all); err != nil {
		return "", fmt.Errorf("read an array of type %s: %w", t.Name, err)
	}
	parts := make([]string, len(all))
	for i, v := range all {
		var text []byte
		if v != nil {
			text = []byte(*v)
		}
		part, err := literal(element.OID, pgtype.TextFormatCode, text)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "[" + strings.Join(parts, ", ") + "]", nil
}
