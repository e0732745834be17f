package lake

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// AsDuckDBNames is the file with its format, and that of the files that delete rows of it, named as DuckDB does.
func (f File) AsDuckDBNames() File {
	f.task.File = inSmallLetters{f.task.File}
	var deletes []iceberg.DataFile
	for _, d := range f.task.DeleteFiles {
		deletes = append(deletes, inSmallLetters{d})
	}
	f.task.DeleteFiles = deletes
	return f
}

type inSmallLetters struct{ iceberg.DataFile }

func (f inSmallLetters) FileFormat() iceberg.FileFormat {
	return iceberg.FileFormat(strings.ToLower(string(f.DataFile.FileFormat())))
}

// DeleteRows deletes rows as only other engines do: by a file of their positions, beside the data files. The table's property
// write.delete.mode must be merge-on-read.
func (l *Lake) DeleteRows(ctx context.Context, t *Table, filter iceberg.BooleanExpression) (*Table, error) {
	s := newSession(ctx, l.store)
	tx := t.iceberg(s).NewTransaction()
	if err := tx.Delete(ctx, filter, nil); err != nil {
		return nil, err
	}
	return l.commit(ctx, s, t, tx)
}

// DeleteEqual deletes the rows that have one of the values in columns, by a file of these values.
func (l *Lake) DeleteEqual(ctx context.Context, t *Table, fields []int, values arrow.RecordBatch) (*Table, error) {
	s := newSession(ctx, l.store)
	tx := t.iceberg(s).NewTransaction()
	files, err := tx.WriteEqualityDeletes(ctx, fields, func(yield func(arrow.RecordBatch, error) bool) { yield(values, nil) })
	if err != nil {
		return nil, err
	}
	if err := tx.NewRowDelta(nil).AddDeletes(files...).Commit(ctx); err != nil {
		return nil, err
	}
	return l.commit(ctx, s, t, tx)
}

func (l *Lake) commit(ctx context.Context, s *session, t *Table, tx *table.Transaction) (*Table, error) {
	commit, err := tx.TableCommit()
	if err != nil {
		return nil, err
	}
	next, err := l.stageMetadata(s, t, commit.Updates)
	if err != nil {
		return nil, err
	}
	all, err := l.finish(ctx, s, []staged{{base: t, next: next, seen: next}}, nil, nil)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}
