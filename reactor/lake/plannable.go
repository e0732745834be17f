package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/apache/iceberg-go/table"
)

// Plannable fails with an InvalidError if this program cannot read the manifest list and the manifests of the current snapshot of what
// a table is to become. One such commit stops its dataset and all of gold until somebody rolls it back: ClickHouse 26.9 writes
// manifests without the key content, and Sail 0.7 names the records of a manifest list otherwise. An error of the store is returned as
// it is.
func (l *Lake) Plannable(ctx context.Context, id Identifier, next table.Metadata) error {
	t := &Table{Name: id.String(), Meta: next, store: l.store}
	_, err := l.Files(ctx, t, t.Snapshot(), AllMonths)
	var store *fs.PathError
	if err == nil || ctx.Err() != nil || errors.As(err, &store) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &InvalidError{Reason: fmt.Sprintf("the reactor could not read %s after this commit, and it stays as it is: %v", id, err)}
}
