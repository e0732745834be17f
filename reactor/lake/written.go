package lake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go/table"
)

// WrittenBy finds the snapshot that wrote a live file of t. If that one has expired, it returns the oldest snapshot with the file, and
// exact is false. A row may be older than its file, because a change of its neighbours writes it anew.
func (l *Lake) WrittenBy(ctx context.Context, t *Table, f File) (s *table.Snapshot, exact bool, err error) {
	kept := t.Meta.Snapshots()
	slices.SortFunc(kept, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	months, _ := f.Months()
	for i := range kept {
		files, err := l.Files(ctx, t, &kept[i], months)
		if err != nil {
			return nil, false, err
		}
		if slices.ContainsFunc(files, func(o File) bool { return o.Path() == f.Path() }) {
			return &kept[i], i > 0 || kept[i].ParentSnapshotID == nil, nil
		}
	}
	return nil, false, fmt.Errorf("no snapshot of %s has the file %s", t.Name, f.Path())
}
