package lake

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"
)

// Read gives the rows of files of t, in the columns and the order of the table's schema; columns that a file is older
// than are null. The receiver of a batch releases it.
func (l *Lake) Read(ctx context.Context, t *Table, s *table.Snapshot, files ...File) (*arrow.Schema, iter.Seq2[arrow.RecordBatch, error], error) {
	tasks := make([]table.FileScanTask, len(files))
	for i, f := range files {
		tasks[i] = f.task
	}
	schema, batches, err := t.at(reader{ctx, l.store}).Scan(table.WithSnapshotID(s.SnapshotID)).ReadTasks(ctx, tasks)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return schema, batches, nil
}
