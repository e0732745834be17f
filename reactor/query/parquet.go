package query

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"millrace/reactor/rows"
)

// groupRows is how many rows a row group of a Parquet file has at most. A group is in memory until it is full.
const groupRows = 1 << 16

// Parquet writes the rows as a Parquet file and says how many there were.
func (r *Result) Parquet(w io.Writer) (n int64, err error) {
	schema := plain(r.Schema())
	// The schema of Arrow is stored beside Parquet's own, so that Arrow's readers get the very types back.
	out, err := pqarrow.NewFileWriter(schema, unclosed{w}, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(groupRows)),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return 0, fmt.Errorf("the result has a column that Parquet has no type for; cast it (x::text): %w", err)
	}
	for b, err := range r.Batches() {
		if err != nil {
			return n, err
		}
		n += b.NumRows()
		if b, err = rows.Relabel(b, schema); err != nil {
			return n, err
		}
		err = out.WriteBuffered(b)
		b.Release()
		if err != nil {
			return n, err
		}
	}
	return n, out.Close()
}

// plain is a schema in which UTC is called UTC: DuckDB says Etc/UTC, which some readers do not know.
func plain(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	for i, f := range fields {
		if zoned, ok := f.Type.(*arrow.TimestampType); ok && zoned.TimeZone != "" {
			fields[i].Type = &arrow.TimestampType{Unit: zoned.Unit, TimeZone: "UTC"}
		}
	}
	return arrow.NewSchema(fields, nil)
}

// unclosed is a writer that stays open: the Parquet writer would close the file, and its end is the caller's.
type unclosed struct{ io.Writer }
