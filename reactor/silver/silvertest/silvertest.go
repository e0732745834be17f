// Package silvertest feeds objects to datasets in tests: payloads in memory, and a sink that keeps what comes.
package silvertest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/silver"
)

// Bytes is a payload in memory.
type Bytes []byte

// Open implements silver.Payload.
func (b Bytes) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b)), nil
}

// ReaderAt implements silver.Payload.
func (b Bytes) ReaderAt(context.Context) (io.ReaderAt, int64, func() error, error) {
	return bytes.NewReader(b), int64(len(b)), func() error { return nil }, nil
}

// ModifiedAt is when the objects of Source were stored.
var ModifiedAt = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// Source of an object whose file has the given name; meta is key, value, key, value….
func Source(d *silver.Dataset, file string, meta ...string) silver.Source {
	s := silver.Source{Key: "bronze/" + d.Name + "/ingest_date=2026-11-23/" + file, Version: "v1", ModifiedAt: ModifiedAt, Metadata: map[string]string{}}
	for i := 0; i < len(meta); i += 2 {
		s.Metadata[meta[i]] = meta[i+1]
	}
	return s
}

// Row is a row's values as text; a null is not there.
type Row map[string]string

// Sink keeps rows.
type Sink struct{ Good, Refused []Row }

// Rows implements silver.Sink.
func (s *Sink) Rows(b arrow.RecordBatch) error { s.Good = append(s.Good, rows(b)...); return nil }

// Rejected implements silver.Sink.
func (s *Sink) Rejected(b arrow.RecordBatch) error {
	s.Refused = append(s.Refused, rows(b)...)
	return nil
}

func rows(b arrow.RecordBatch) []Row {
	out := make([]Row, b.NumRows())
	for i := range out {
		out[i] = Row{}
		for c, column := range b.Columns() {
			if !column.IsNull(i) {
				out[i][b.ColumnName(c)] = Text(column, i)
			}
		}
	}
	return out
}

// Text is a value as text; a decimal has all of its digits, without zeros at the end.
func Text(a arrow.Array, i int) string {
	d, ok := a.(*array.Decimal128)
	if !ok || a.IsNull(i) {
		return strings.Clone(a.ValueStr(i)) // the array's memory may be gone before the text is
	}
	text := d.Value(i).ToString(d.DataType().(arrow.DecimalType).GetScale())
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Decode decodes a whole object.
func Decode(t testing.TB, d *silver.Dataset, src silver.Source, body []byte) (*Sink, error) {
	t.Helper()
	s := &Sink{}
	err := d.Decode(context.Background(), src, Bytes(body), s)
	return s, err
}

// Discard is a sink for benchmarks; it counts.
type Discard struct{ Good, Refused int64 }

// Rows implements silver.Sink.
func (s *Discard) Rows(b arrow.RecordBatch) error { s.Good += b.NumRows(); return nil }

// Rejected implements silver.Sink.
func (s *Discard) Rejected(b arrow.RecordBatch) error { s.Refused += b.NumRows(); return nil }
