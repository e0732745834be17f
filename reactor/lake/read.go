package lake

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"
)

// Read gives the rows of files of t, in the columns and the order of the schema that t has now, whatever snapshot the files are
// of. A column that a file is older than is null, and one that was dropped since is left out. Rows that other files delete are
// left out too: a File knows those. The receiver of a batch releases it.
func (l *Lake) Read(ctx context.Context, t *Table, files ...File) (*arrow.Schema, iter.Seq2[arrow.RecordBatch, error], error) {
	tasks := make([]table.FileScanTask, len(files))
	for i, f := range files {
		tasks[i] = f.task
	}
	schema, batches, err := t.iceberg(reader{ctx, l.store}).Scan().ReadTasks(ctx, tasks)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return schema, batches, nil
}
