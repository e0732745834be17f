package lake

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// waitingBatches is how many batches of rows may wait for the writer of a file. iceberg-go's 64 held 16 MB and more for each table, outside
// of DuckDB's memory and Go's, and no file was written sooner.
const waitingBatches = 2

// Written are data files that a commit has written and that no table names yet.
type Written struct{ files []iceberg.DataFile }

// Rows is the number of rows in the files.
func (w Written) Rows() (n int64) {
	for _, f := range w.files {
		n += f.Count()
	}
	return n
}

// writeRows writes rows into data files of a table.
func writeRows(ctx context.Context, s *session, t *Table, schema *arrow.Schema, rows iter.Seq2[arrow.RecordBatch, error]) (w Written, err error) {
	for f, err := range table.WriteRecords(ctx, t.toWrite(s), schema, rows, writeOptions(t.Meta)...) {
		if err != nil {
			return Written{}, err
		}
		w.files = append(w.files, f)
	}
	return w, nil
}

// writeOptions has one file open at a time where the rows come sorted by partition.
func writeOptions(meta table.Metadata) []table.WriteRecordOption {
	options := []table.WriteRecordOption{table.WithRecordBatchBufferSize(waitingBatches)}
	if _, ok := clustered(meta.CurrentSchema(), meta.PartitionSpec()); ok {
		options = append(options, table.WithClusteredWrite())
	}
	return options
}

// Clusters tells whether rows that come sorted by partition need one open file at a time. Then a row of a partition whose file has ended
// is an error.
func (t *Table) Clusters() bool {
	_, ok := clustered(t.Meta.CurrentSchema(), t.Meta.PartitionSpec())
	return ok
}
