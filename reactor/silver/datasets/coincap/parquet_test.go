package coincap_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// parquetOf writes rows, given as JSON that Arrow reads.
func parquetOf(t testing.TB, schema *arrow.Schema, fill func(b *array.RecordBuilder)) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	fill(b)
	batch := b.NewRecordBatch()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(50_000)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(batch), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func schemaOf(fields ...arrow.Field) *arrow.Schema {
	for i := range fields {
		fields[i].Nullable = true
	}
	return arrow.NewSchema(fields, nil)
}

// One value a column: whatever type somebody's Parquet has for it, the row is that of the API.
func TestParquetTypes(t *testing.T) {
	stamp := time.Date(2026, 11, 1, 12, 30, 0, 123456000, time.UTC)
	for _, c := range []struct {
		name  string
		field arrow.Field
		add   func(array.Builder)
		want  string
	}{
		{"text", arrow.Field{Name: "priceUsd", Type: arrow.BinaryTypes.String}, func(b array.Builder) { b.(*array.StringBuilder).Append("94173.5456981708231659") }, "94173.5456981708231659"},
		{"large text", arrow.Field{Name: "priceUsd", Type: arrow.BinaryTypes.LargeString}, func(b array.Builder) { b.(*array.LargeStringBuilder).Append("1.5") }, "1.5"},
		{"binary", arrow.Field{Name: "priceUsd", Type: arrow.BinaryTypes.Binary}, func(b array.Builder) { b.(*array.BinaryBuilder).Append([]byte("1.5")) }, "1.5"},
		{"silver's own column", arrow.Field{Name: "price_usd", Type: &arrow.Decimal128Type{Precision: 38, Scale: 28}}, func(b array.Builder) {
			b.(*array.Decimal128Builder).Append(decimal128.GetScaleMultiplier(10))
		}, "0.000000000000000001"},
		{"decimal of another scale", arrow.Field{Name: "price_usd", Type: &arrow.Decimal128Type{Precision: 20, Scale: 4}}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromI64(123456)) }, "12.3456"},
		{"int64", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Int64}, func(b array.Builder) { b.(*array.Int64Builder).Append(7) }, "7"},
		{"double", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Float64}, func(b array.Builder) { b.(*array.Float64Builder).Append(0.1) }, "0.1"},
		{"small double", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Float64}, func(b array.Builder) { b.(*array.Float64Builder).Append(9.7e-10) }, "0.00000000097"},
		{"float", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Float32}, func(b array.Builder) { b.(*array.Float32Builder).Append(0.1) }, "0.1"},
		{"NaN", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Float64}, func(b array.Builder) { b.(*array.Float64Builder).Append(math.NaN()) }, `refused priceUsd: "NaN" is not a number`},
		{"infinity", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Float64}, func(b array.Builder) { b.(*array.Float64Builder).Append(math.Inf(1)) }, `refused priceUsd: "+Inf" is not a number`},
		{"boolean", arrow.Field{Name: "priceUsd", Type: arrow.FixedWidthTypes.Boolean}, func(b array.Builder) { b.(*array.BooleanBuilder).Append(true) }, "refused priceUsd: is a boolean, not a number"},
		{"null", arrow.Field{Name: "priceUsd", Type: arrow.PrimitiveTypes.Float64}, func(b array.Builder) { b.AppendNull() }, ""},
		{"broken text", arrow.Field{Name: "name", Type: arrow.BinaryTypes.String}, func(b array.Builder) { b.(*array.StringBuilder).Append("\xff") }, "refused name: not valid UTF-8"},
		{"huge text", arrow.Field{Name: "name", Type: arrow.BinaryTypes.String}, func(b array.Builder) { b.(*array.StringBuilder).Append(strings.Repeat("x", 1<<20)) }, "refused name: is larger than 1 MiB"},
		{"null type", arrow.Field{Name: "priceUsd", Type: arrow.Null}, func(b array.Builder) { b.AppendNull() }, ""},
		{"null type for a text", arrow.Field{Name: "name", Type: arrow.Null}, func(b array.Builder) { b.AppendNull() }, ""},
		{"lists of null type", arrow.Field{Name: "tokens", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.Null))}, func(b array.Builder) {
			m := b.(*array.MapBuilder)
			m.Append(true)
			m.KeyBuilder().(*array.StringBuilder).Append("1")
			l := m.ItemBuilder().(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().AppendNull()
		}, `{"tokens":{"1":[null]}}`},
		{"null type in an unknown struct", arrow.Field{Name: "note", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.Null, Nullable: true}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int8, Nullable: true})}, func(b array.Builder) {
			s := b.(*array.StructBuilder)
			s.Append(true)
			s.FieldBuilder(0).AppendNull()
			s.FieldBuilder(1).(*array.Int8Builder).Append(3)
		}, `{"note":{"a":null,"b":3}}`},
		{"fixed bytes", arrow.Field{Name: "symbol", Type: &arrow.FixedSizeBinaryType{ByteWidth: 3}}, func(b array.Builder) { b.(*array.FixedSizeBinaryBuilder).Append([]byte("BTC")) },
			"refused symbol: is 3 bytes without a type: write it as text, number or time"},
		{"fixed bytes in a map", arrow.Field{Name: "tokens", Type: arrow.MapOf(&arrow.FixedSizeBinaryType{ByteWidth: 1}, arrow.BinaryTypes.String)}, func(b array.Builder) {
			m := b.(*array.MapBuilder)
			m.Append(true)
			m.KeyBuilder().(*array.FixedSizeBinaryBuilder).Append([]byte("1"))
			m.ItemBuilder().(*array.StringBuilder).Append("0x")
		}, "refused tokens: is 1 bytes without a type: write it as text, number or time"},
		{"fixed bytes of an unknown column", arrow.Field{Name: "note", Type: &arrow.FixedSizeBinaryType{ByteWidth: 12}}, func(b array.Builder) { b.(*array.FixedSizeBinaryBuilder).Append([]byte("twelve bytes")) },
			`{"note":"dHdlbHZlIGJ5dGVz"}`},
		{"unknown column", arrow.Field{Name: "note", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8}, arrow.Field{Name: "b", Type: arrow.FixedWidthTypes.Date32})}, func(b array.Builder) {
			s := b.(*array.StructBuilder)
			s.Append(true)
			s.FieldBuilder(0).(*array.Int8Builder).Append(3)
			s.FieldBuilder(1).(*array.Date32Builder).Append(arrow.Date32FromTime(stamp))
		}, `{"note":{"a":3,"b":"2026-11-01"}}`},
		{"tokens", arrow.Field{Name: "tokens", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.BinaryTypes.String))}, func(b array.Builder) {
			m := b.(*array.MapBuilder)
			m.Append(true)
			m.KeyBuilder().(*array.StringBuilder).Append("1")
			l := m.ItemBuilder().(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.StringBuilder).Append("0x")
		}, `[{"key":"1","value":["0x"]}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			schema := schemaOf(
				arrow.Field{Name: "id", Type: arrow.BinaryTypes.String},
				arrow.Field{Name: "observed_at", Type: arrow.FixedWidthTypes.Timestamp_us},
				c.field)
			body := parquetOf(t, schema, func(b *array.RecordBuilder) {
				b.Field(0).(*array.StringBuilder).Append("a")
				b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(stamp.UnixMicro()))
				c.add(b.Field(2))
			})
			s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.parquet"), body)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Refused) == 1 {
				if got := "refused " + s.Refused[0]["field"] + ": " + s.Refused[0]["reason"]; got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
				return
			}
			r := s.Good[0]
			if r["observed_at"] != "2026-11-01T12:30:00.123456Z" {
				t.Errorf("observed_at %s", r["observed_at"])
			}
			if got := r["price_usd"] + r["tokens"] + r["extra"] + r["name"]; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// A column of nothing but None has the null type, whatever frame it comes from.
func TestColumnsOfNothing(t *testing.T) {
	s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.parquet"), pyarrow(t, "polars.parquet"))
	if err != nil || len(s.Refused) > 0 || len(s.Good) != 1 {
		t.Fatalf("%v, %v", s, err)
	}
	for column, value := range s.Good[0] {
		switch column {
		case "price_usd", "max_supply", "tokens", "extra":
			t.Errorf("%s is %s, want null", column, value)
		}
	}
}

// INT96 is what Impala and old Spark write. "Never" is one row's fault, as it is in 64 bits.
func TestParquetInt96(t *testing.T) {
	s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.parquet"), pyarrow(t, "int96.parquet"))
	if err != nil || len(s.Good) != 2 || len(s.Refused) != 1 {
		t.Fatalf("%v, %v", s, err)
	}
	for i, want := range []silvertest.Row{
		{"asset_id": "a", "observed_at": "2026-11-22T12:30:00.123456Z", "price_usd": "1", "extra": `{"seen":["9999-12-31T00:00:00Z"]}`},
		{"asset_id": "c", "observed_at": "2026-11-22T00:00:00Z", "price_usd": "3", "extra": `{"seen":["2026-11-22T01:02:03Z"]}`},
	} {
		for column, value := range want {
			if got := s.Good[i][column]; got != value {
				t.Errorf("row %d: %s is %s, want %s", i, column, got, value)
			}
		}
	}
	if r := s.Refused[0]; r["field"] != "timestamp" || !strings.HasPrefix(r["reason"], `"9999-12-31T00:00:00Z" (9999-12-31T00:00:00Z) is more than 24 hours after the object was stored`) {
		t.Errorf("%s: %s", r["field"], r["reason"])
	}
}

func historyParquet(t testing.TB, n int) []byte {
	schema := schemaOf(arrow.Field{Name: "priceUsd", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "time", Type: arrow.PrimitiveTypes.Int64})
	return parquetOf(t, schema, func(b *array.RecordBuilder) {
		for i := range n {
			b.Field(0).(*array.StringBuilder).Append("94173." + strings.Repeat("7", 1+i%16))
			b.Field(1).(*array.Int64Builder).Append(1745712000000 + int64(i)*60000)
		}
	})
}

func TestParquetOfManyRowGroups(t *testing.T) {
	const n = 120_001
	s := &silvertest.Discard{}
	src := silvertest.Source(coincap.History, "bitcoin_m1_x.parquet")
	if err := coincap.History.Decode(context.Background(), src, silvertest.Bytes(historyParquet(t, n)), s); err != nil || s.Good != n || s.Refused != 0 {
		t.Errorf("%v: %d rows, %d refused, want %d", err, s.Good, s.Refused, n)
	}
}

// With a dictionary, one long text can stand in every row for a few bytes of file: 400 rows of 500 KB would be a batch of 200 MB.
func TestParquetCannotBeABomb(t *testing.T) {
	long := strings.Repeat("x", 500_000)
	schema := schemaOf(arrow.Field{Name: "id", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "timestamp", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "name", Type: arrow.BinaryTypes.String})
	const n = 400
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	for range n / 10 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for range 10 {
			b.Field(0).(*array.StringBuilder).Append("a")
			b.Field(1).(*array.Int64Builder).Append(1795420799000)
			b.Field(2).(*array.StringBuilder).Append(long)
		}
		if err := w.WriteBuffered(b.NewRecordBatch()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	body := out.Bytes()
	if len(body) > 1<<20 {
		t.Fatalf("the file has %d bytes", len(body))
	}
	runtime.GC()
	peak := watchHeap(t)
	s := &silvertest.Discard{}
	if err := coincap.Assets.Decode(context.Background(), silvertest.Source(coincap.Assets, "x.parquet"), silvertest.Bytes(body), s); err != nil || s.Good != n {
		t.Fatalf("%v: %d rows", err, s.Good)
	}
	if p := peak(); p > 100<<20 {
		t.Errorf("the heap grew to %d MiB", p>>20)
	}
}

func TestParquetThatCannotBeRead(t *testing.T) {
	whole := historyParquet(t, 100)
	other := parquetOf(t, schemaOf(arrow.Field{Name: "unrelated", Type: arrow.BinaryTypes.String}), func(b *array.RecordBuilder) { b.Field(0).AppendNull() })
	for _, c := range []struct {
		name, body, want string
	}{
		{"empty", "", `it is not Parquet: 0 bytes that begin with ""`},
		{"JSON", `{"data":[]}`, `it is not Parquet: 11 bytes that begin with "{\"da"`},
		{"truncated", string(whole[:len(whole)/2]), "its Parquet cannot be opened: "},
		{"only a head", "PAR1", "its Parquet cannot be opened: "},
		{"broken in the middle", string(whole[:100]) + strings.Repeat("\xff", 50) + string(whole[150:]), "its Parquet is broken: page 2 of \"priceUsd\" at byte 4: its header cannot be read: "},
		{"nothing known", string(other), `none of its Parquet columns is known: "unrelated"; expected the fields of coincap/history or the columns of silver.asset_prices`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, "bitcoin_m1_x.parquet"), []byte(c.body))
			var u *silver.Unreadable
			if !errors.As(err, &u) || !strings.HasPrefix(u.Reason, c.want) {
				t.Errorf("%v, want unreadable: %s", err, c.want)
			}
		})
	}
}

// A payload that fails is to be tried again, whatever stands on top of it; only bytes that make no sense are unreadable.
func TestAFailingPayloadIsNotUnreadable(t *testing.T) {
	lost := errors.New("connection reset")
	for file, body := range map[string][]byte{
		"x.json": []byte(history(point, point)), "x.ndjson": []byte(point + "\n" + point), "x.json.gz": []byte(packed(history(point))),
		"x.ndjson.gz": []byte(packed(point + "\n" + point)), "x.parquet": historyParquet(t, 100),
	} {
		for _, n := range []int{0, 1, 5, len(body) / 2, len(body) - 1} {
			src := silvertest.Source(coincap.History, file, "asset-id", "a", "interval", "d1")
			for _, failure := range []error{lost, io.ErrUnexpectedEOF} {
				err := coincap.History.Decode(context.Background(), src, failing{body: body, after: n, err: failure}, &silvertest.Discard{})
				if !errors.Is(err, failure) || errors.As(err, new(*silver.Unreadable)) {
					t.Errorf("%s, lost after %d bytes: %v", file, n, err)
				}
			}
		}
	}
}

// failing payload: its bytes end in an error.
type failing struct {
	body  []byte
	after int
	err   error
}

func (f failing) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(f.body[:f.after]), failingReader{f.err})), nil
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func (f failing) ReaderAt(context.Context) (io.ReaderAt, int64, func() error, error) {
	return f, int64(len(f.body)), func() error { return nil }, nil
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > int64(f.after) {
		return 0, f.err
	}
	return copy(p, f.body[off:]), nil
}
