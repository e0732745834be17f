package lake

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// plans remembers what manifests say. They never change, so a commit has to read only those that the last one wrote. iceberg-go's
// own planning parses all of them each time.
type plans struct {
	lists   *recent[[]iceberg.ManifestFile]
	entries *recent[[]File]
	added   *recent[[]iceberg.DataFile] // what a commit of ours added, by snapshot
	counts  *recent[int64]              // rows that are left of a file with deletes, by File.ID
}

// Each commit makes a new list and new manifests, which are read a few times and never again. What is remembered has to stay far
// below the limit from which the garbage collector never rests. These are sizes on the heap in bytes, as measured. A manifest with
// one file is as large as a few files, because its decoder keeps the schema's text.
const (
	manifestBytes = 12 << 10
	fileBytes     = 3 << 10
	listedBytes   = 1 << 10 // a manifest as a list names it
	// entriesBytes has room for some 2,500 files in few manifests. It fills up with what is never read again, and the collector goes
	// through all of it once an object.
	entriesBytes = 8 << 20
	addedBytes   = 2 << 20
	listsBytes   = 2 << 20
	countsBytes  = 1 << 20
)

func newPlans() *plans {
	return &plans{
		counts:  newRecent(countsBytes, func(id string, _ int64) int { return len(id) + 64 }),
		lists:   newRecent(listsBytes, func(_ string, ms []iceberg.ManifestFile) int { return (len(ms) + 1) * listedBytes }),
		added:   newRecent(addedBytes, func(_ string, fs []iceberg.DataFile) int { return len(fs) * fileBytes }),
		entries: newRecent(entriesBytes, func(_ string, fs []File) int { return len(fs)*fileBytes + manifestBytes }),
	}
}

// Files returns the live data files of a snapshot of t whose rows may be of the months. The snapshot nil has none.
func (l *Lake) Files(ctx context.Context, t *Table, s *table.Snapshot, months Months) ([]File, error) {
	if s == nil {
		return nil, nil
	}
	manifests, err := l.manifests(ctx, t, s)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, m := range manifests {
		if m.ManifestContent() != iceberg.ManifestContentData {
			return l.filesWithDeletes(ctx, t, s, months)
		}
		if months != AllMonths && !divisionOf(t.Meta, t.Meta.PartitionSpecByID(int(m.PartitionSpecID()))).mayHold(m, months) {
			continue
		}
		entries, err := l.entries(ctx, t, m)
		if err != nil {
			return nil, err
		}
		files = append(files, within(entries, months)...)
	}
	return files, nil
}

// Manifests is the number of manifests of the current snapshot.
func (l *Lake) Manifests(ctx context.Context, t *Table) (int, error) {
	if t.Snapshot() == nil {
		return 0, nil
	}
	ms, err := l.manifests(ctx, t, t.Snapshot())
	return len(ms), err
}

func (l *Lake) manifests(ctx context.Context, t *Table, s *table.Snapshot) ([]iceberg.ManifestFile, error) {
	if ms, ok := l.plans.lists.get(s.ManifestList); ok && s.ManifestList != "" {
		return ms, nil
	}
	ms, err := s.Manifests(reader{ctx, l.store})
	if err != nil {
		return nil, fmt.Errorf("plan %s: read manifest list of snapshot %d: %w", t.Name, s.SnapshotID, err)
	}
	l.plans.lists.set(s.ManifestList, ms)
	return ms, nil
}

func (l *Lake) entries(ctx context.Context, t *Table, m iceberg.ManifestFile) ([]File, error) {
	if fs, ok := l.plans.entries.get(m.FilePath()); ok {
		return fs, nil
	}
	if m.AddedDataFiles() == 0 && m.ExistingDataFiles() == 0 {
		return nil, nil // it tells of files that went
	}
	spec := t.Meta.PartitionSpecByID(int(m.PartitionSpecID()))
	if spec == nil {
		return nil, fmt.Errorf("plan %s: manifest %s names partition spec %d, which the table does not have", t.Name, m.FilePath(), m.PartitionSpecID())
	}
	d := divisionOf(t.Meta, spec)
	live, err := l.live(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("plan %s: read manifest %s: %w", t.Name, m.FilePath(), err)
	}
	files := make([]File, len(live))
	for i, df := range live {
		files[i] = newFile(table.FileScanTask{File: df, Length: df.FileSizeBytes()}, d)
	}
	l.plans.entries.set(m.FilePath(), files)
	return files, nil
}

// live returns the live files of a manifest. What a commit of this program has added it knows, and need not read.
func (l *Lake) live(ctx context.Context, m iceberg.ManifestFile) (files []iceberg.DataFile, err error) {
	if fs, ok := l.plans.added.get(snapshotKey(m.SnapshotID())); ok && int(m.AddedDataFiles()) == len(fs) && m.ExistingDataFiles() == 0 {
		return fs, nil
	}
	for e, err := range m.Entries(reader{ctx, l.store}, true) {
		if err != nil {
			return nil, err
		}
		files = append(files, e.DataFile())
	}
	return files, nil
}

func snapshotKey(id int64) string { return strconv.FormatInt(id, 10) }

// filesWithDeletes plans a snapshot with row-level deletes, by iceberg-go's own planning, which knows which deletes go with which
// file. It is quick enough, because only other engines make such snapshots.
func (l *Lake) filesWithDeletes(ctx context.Context, t *Table, s *table.Snapshot, months Months) ([]File, error) {
	tasks, err := t.iceberg(reader{ctx, l.store}).Scan(table.WithSnapshotID(s.SnapshotID)).PlanFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", t.Name, err)
	}
	var files []File
	for _, task := range tasks {
		spec := t.Meta.PartitionSpecByID(int(task.File.SpecID()))
		if spec == nil {
			return nil, fmt.Errorf("plan %s: file %s names partition spec %d, which the table does not have", t.Name, task.File.FilePath(), task.File.SpecID())
		}
		files = append(files, newFile(task, divisionOf(t.Meta, spec)))
	}
	return within(files, months), nil
}

func within(files []File, months Months) []File {
	var in []File
	for _, f := range files {
		if of, _ := f.Months(); of.Meet(months) {
			in = append(in, f)
		}
	}
	return in
}

// Diff returns the live files that came and went between two snapshots of t; nil is the empty table. It reads only manifests that
// the two do not share, so it costs what has changed, not what there is.
func (l *Lake) Diff(ctx context.Context, t *Table, from, to *table.Snapshot) (added, removed []File, err error) {
	before, err := l.unshared(ctx, t, from, to)
	if err != nil {
		return nil, nil, err
	}
	after, err := l.unshared(ctx, t, to, from)
	if err != nil {
		return nil, nil, err
	}
	return without(after, before), without(before, after), nil
}

// unshared returns the live files of a snapshot in manifests that the other does not have.
func (l *Lake) unshared(ctx context.Context, t *Table, s, other *table.Snapshot) ([]File, error) {
	if s == nil {
		return nil, nil
	}
	shared := map[string]bool{}
	own, err := l.manifests(ctx, t, s)
	if err != nil {
		return nil, err
	}
	if other != nil {
		others, err := l.manifests(ctx, t, other)
		if err != nil {
			return nil, err
		}
		for _, m := range others {
			shared[m.FilePath()] = m.ManifestContent() == iceberg.ManifestContentData
		}
	}
	var files []File
	for _, m := range own {
		if m.ManifestContent() != iceberg.ManifestContentData {
			return l.filesWithDeletes(ctx, t, s, AllMonths)
		}
		if shared[m.FilePath()] {
			continue
		}
		entries, err := l.entries(ctx, t, m)
		if err != nil {
			return nil, err
		}
		files = append(files, entries...)
	}
	return files, nil
}

// without returns the files that are not among others.
func without(files, others []File) []File {
	ids := make(map[string]bool, len(others))
	for _, f := range others {
		ids[f.ID()] = true
	}
	var left []File
	for _, f := range files {
		if !ids[f.ID()] {
			left = append(left, f)
		}
	}
	return left
}
