package lake

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
)

// dangling returns the files of deletes that no data file of t needs once some files are removed. Only other engines write deletes,
// and a commit here writes the rows that are left into new files. The deletes would stay for ever: every reader plans and reads them,
// a count of rows cannot be taken from the summary, and upkeep leaves the files alone.
func (l *Lake) dangling(ctx context.Context, t *Table, removed []File) ([]iceberg.DataFile, error) {
	deletes, err := l.deletes(ctx, t)
	if err != nil || len(deletes) == 0 {
		return nil, err
	}
	live, err := l.Files(ctx, t, t.Snapshot(), AllMonths)
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, f := range without(live, removed) {
		for _, d := range f.deletes() {
			needed[d.FilePath()] = true
		}
	}
	var dangling []iceberg.DataFile
	for _, d := range deletes {
		if !needed[d.FilePath()] {
			dangling = append(dangling, d)
		}
	}
	return dangling, nil
}

// deletes returns the live files of deletes of t's current snapshot.
func (l *Lake) deletes(ctx context.Context, t *Table) (all []iceberg.DataFile, err error) {
	if t.Snapshot() == nil {
		return nil, nil
	}
	manifests, err := l.manifests(ctx, t, t.Snapshot())
	if err != nil {
		return nil, err
	}
	for _, m := range manifests {
		if m.ManifestContent() == iceberg.ManifestContentData {
			continue
		}
		for e, err := range m.Entries(reader{ctx, l.store}, true) {
			if err != nil {
				return nil, fmt.Errorf("plan %s: read manifest of deletes %s: %w", t.Name, m.FilePath(), err)
			}
			all = append(all, e.DataFile())
		}
	}
	return all, nil
}
