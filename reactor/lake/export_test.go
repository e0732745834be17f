package lake

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

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
