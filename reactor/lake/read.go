package lake

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// readRows is how many rows of a file are decoded at a time.
const readRows = 16_384

// Read gives the rows of files of t, in the columns and the order of the schema that t has now, whatever snapshot the files are
// of. A column that a file is older than is null, and one that was dropped since is left out. Rows that other files delete are
// left out too: a File knows those. The receiver of a batch releases it.
func (l *Lake) Read(ctx context.Context, t *Table, files ...File) (*arrow.Schema, iter.Seq2[arrow.RecordBatch, error], error) {
	return l.ReadColumns(ctx, t, nil, files...)
}

// ReadColumns does so for some columns; nil means all.
func (l *Lake) ReadColumns(ctx context.Context, t *Table, columns []string, files ...File) (*arrow.Schema, iter.Seq2[arrow.RecordBatch, error], error) {
	options := []table.ScanOption{table.WithArrowBatchSize(readRows)}
	if columns != nil {
		options = append(options, table.WithSelectedFields(columns...))
	}
	tasks := make([]table.FileScanTask, len(files))
	for i, f := range files {
		tasks[i] = readable(f.task)
	}
	schema, batches, err := t.iceberg(reader{ctx, l.store}).Scan(options...).ReadTasks(ctx, tasks)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return schema, batches, nil
}

// readable returns a task whose files name their format as iceberg-go compares it. The specification writes "parquet", and so does
// DuckDB; iceberg-go reads "PARQUET" alone. One UPDATE by DuckDB stopped gold, and no query of the table worked.
func readable(task table.FileScanTask) table.FileScanTask {
	task.File = inCapitals{task.File}
	deletes := slices.Clone(task.DeleteFiles)
	for i, d := range deletes {
		deletes[i] = inCapitals{d}
	}
	task.DeleteFiles = deletes
	equalities := slices.Clone(task.EqualityDeleteFiles)
	for i, d := range equalities {
		equalities[i] = inCapitals{d}
	}
	task.EqualityDeleteFiles = equalities
	return task
}

// inCapitals is a file that names its format in capitals.
type inCapitals struct{ iceberg.DataFile }

func (f inCapitals) FileFormat() iceberg.FileFormat {
	return iceberg.FileFormat(strings.ToUpper(string(f.DataFile.FileFormat())))
}
