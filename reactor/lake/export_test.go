package lake

import (
	"context"

	"github.com/apache/iceberg-go"
)

// DeleteRows deletes rows as only other engines do: by a file of their positions, beside the data files. The table's property
// write.delete.mode must be merge-on-read.
func (l *Lake) DeleteRows(ctx context.Context, t *Table, filter iceberg.BooleanExpression) (*Table, error) {
	s := newSession(ctx, l.store)
	tx := t.iceberg(s).NewTransaction()
	if err := tx.Delete(ctx, filter, nil); err != nil {
		return nil, err
	}
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
