package pgwire

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"millrace/reactor/duck"
)

// echo gives what DuckDB makes of a literal.
func echo(t *testing.T, conn *duck.Conn, sql string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "select "+sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s: no row", sql)
	}
	b, err := columnsOf(rows.Schema())[0].encode(rows.RecordBatch().Column(0), 0, pgtype.TextFormatCode)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if b == nil {
		return "NULL"
	}
	return strings.Clone(string(b))
}

func TestParametersArriveAsTheyWereSent(t *testing.T) {
	err := duck.TemporaryConn("64MiB", func(conn *duck.Conn) error {
		at := time.Date(2026, 11, 29, 12, 30, 1, 250000000, time.UTC)
		for _, test := range []struct {
			oid   uint32
			value any
			want  string
		}{
			{pgtype.Int8OID, int64(-9007199254740993), "-9007199254740993"}, {pgtype.Int2OID, int16(7), "7"}, {pgtype.BoolOID, true, "t"}, {pgtype.Float8OID, 0.1, "0.1"},
			{pgtype.NumericOID, pgtype.Numeric{Int: big.NewInt(998154014723472286), Exp: -18, Valid: true}, "0.998154014723472286"},
			{pgtype.TextOID, `it's "a" \ $1 ; --`, `it's "a" \ $1 ; --`}, {pgtype.DateOID, at, "2026-11-29"}, {pgtype.TimestamptzOID, at, "2026-11-29 12:30:01.25+00"},
			{pgtype.TimestampOID, at, "2026-11-29 12:30:01.25"}, {pgtype.TextArrayOID, []string{"a", `b "c`, "NULL"}, `{"a","b \"c","NULL"}`}, {pgtype.Int8ArrayOID, []int64{1, 2}, `{"1","2"}`},
			{pgtype.ByteaOID, []byte{0, 255, 39}, `\x00ff27`},
		} {
			for _, format := range []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode} {
				sent, err := types.Encode(test.oid, format, test.value, nil)
				if err != nil {
					t.Fatal(err)
				}
				sql, err := literal(test.oid, format, sent)
				if err != nil {
					t.Errorf("%v in format %d: %v", test.value, format, err)
				} else if got := echo(t, conn, sql); got != test.want {
					t.Errorf("%v in format %d became %s and arrived as %s, want %s", test.value, format, sql, got, test.want)
				}
			}
		}
		if sql, err := literal(0, pgtype.TextFormatCode, nil); err != nil || sql != "NULL" {
			t.Errorf("null is %s, %v", sql, err)
		}
		if _, err := literal(0, pgtype.BinaryFormatCode, []byte{1}); err == nil {
			t.Error("bytes of no type are taken for something")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever a client sends as text stays a text: none can end the literal and begin SQL of its own.
func TestNoTextGetsOutOfItsLiteral(t *testing.T) {
	err := duck.TemporaryConn("64MiB", func(conn *duck.Conn) error {
		rapid.Check(t, func(rt *rapid.T) {
			s := rapid.StringMatching(`['"\\$;a-c(){}, \n-]{0,20}`).Draw(rt, "text")
			sql, err := literal(pgtype.TextOID, pgtype.TextFormatCode, []byte(s))
			if err != nil {
				rt.Fatal(err)
			}
			both, err := bound(lex("select $1 as a, '$1' as b"), []string{sql})
			if err != nil {
				rt.Fatal(err)
			}
			if got := echo(t, conn, strings.TrimPrefix(join(both), "select ")); got != s {
				rt.Fatalf("%q arrived as %q", s, got)
			}
			if _, err := types.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, []string{s}, nil); err != nil {
				rt.Fatal(err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestValuesAreWrittenAsPostgreSQLDoes(t *testing.T) {
	err := duck.TemporaryConn("64MiB", func(conn *duck.Conn) error {
		for sql, want := range map[string]string{
			"1.50::decimal(38,28)": "1.5", "12345678901234567890123456789012345678::hugeint": "12345678901234567890123456789012345678", "18446744073709551615::ubigint": "18446744073709551615",
			"null": "NULL", "false": "f", "'nan'::double": "NaN", "'-inf'::float": "-Infinity", "0.1::float": "0.1", "1e300::double": "1e+300",
			"timestamptz '2020-01-01 00:00:00.5+02'": "2019-12-31 22:00:00.5+00", "timestamp '2020-01-01'": "2020-01-01 00:00:00", "date '0044-03-15'": "0044-03-15",
			"[1.5::decimal(4,2), null]": `{"1.5",NULL}`, "['a\"b', null, 'NULL']": `{"a\"b",NULL,"NULL"}`, "[[1]]": "[[1]]", "map {'k': ['v']}": `{"k":["v"]}`,
			"{'a': 1.25::decimal(4,2)}": `{"a":1.25}`, "'é''s'": "é's", "interval '-1 day -90 minutes'": "0 mons -1 days -01:30:00.000000", "time '10:00:01'": "10:00:01",
			"'ab'::blob": `\x6162`, "7::utinyint": "7", "[]::int[]": "{}",
		} {
			if got := echo(t, conn, sql); got != want {
				t.Errorf("%s is written %s, want %s", sql, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
