package sample_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"millrace/reactor/sample"
	"millrace/reactor/silver/definition"
)

// object is one at hand.
func object(name string, body []byte) sample.Object {
	return sample.Object{Name: name, Key: "bronze/test/thing/ingest_date=2026-11-21/" + name, Body: body, ModifiedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
}

// table writes a Parquet file with an id and bytes; a row without bytes has null.
func table(t *testing.T, blobs ...[]byte) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "blob", Type: arrow.BinaryTypes.Binary, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i, blob := range blobs {
		b.Field(0).(*array.StringBuilder).Append(string(rune('a' + i)))
		if blob == nil {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.BinaryBuilder).Append(blob)
		}
	}
	rows := b.NewRecordBatch()
	defer rows.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A proposal for rows that the decoder refuses ended with a nil pointer: files with geometries are full of them.
func TestBytesWithoutATypeAreNamed(t *testing.T) {
	if _, err := sample.Infer(t.Context(), "test/thing", []sample.Object{object("x.parquet", table(t, []byte{0xff, 0xfe}, []byte{0xff}))}); err == nil || !strings.Contains(err.Error(), "every row would be refused, the first for blob: not valid UTF-8") {
		t.Errorf("error is %v", err)
	}
	some := object("x.parquet", table(t, []byte{0xff}, nil))
	text, err := sample.Infer(t.Context(), "test/thing", []sample.Object{some})
	if err != nil || !strings.Contains(text, "column: id, type: text") {
		t.Fatalf("%v\n%s", err, text)
	}
	d, err := definition.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	tried, err := sample.Try(t.Context(), d, []sample.Object{some}, 10)
	if err != nil || tried.Accepted != 1 || tried.Lost != 1 || !strings.Contains(tried.Refused[0].Reason, "not valid UTF-8") {
		t.Errorf("%+v, %v", tried, err)
	}
	if _, err := sample.Infer(t.Context(), "test/thing", []sample.Object{object("x.parquet", table(t))}); err == nil || !strings.Contains(err.Error(), "the objects have no row") {
		t.Errorf("without rows: %v", err)
	}
}

func TestLinesUnderAnotherNameAreNoticed(t *testing.T) {
	lines := []byte("{\"id\":1,\"t\":\"2026-11-22T09:00:00Z\"}\n{\"id\":2,\"t\":\"2026-11-22T09:00:01Z\"}\n")
	text, err := sample.Infer(t.Context(), "test/thing", []sample.Object{object("x.json", lines)})
	if err != nil || !strings.Contains(text, "x.json has one row a line: objects like it must be named .ndjson") {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err = sample.Infer(t.Context(), "test/thing", []sample.Object{object("x.ndjson", lines)}); err != nil || strings.Contains(text, "must be named") {
		t.Errorf("%v\n%s", err, text)
	}
}
