package lake

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/iceberg-go/table"
)

// Rows counts the rows of a snapshot of t; nil, the empty table, has none. Iceberg's total counts the rows in data files, and rows
// that other files delete are still in them: only other engines write such deletes. Where there are any, the files that they concern
// are read, in one column, and the others are not.
func (l *Lake) Rows(ctx context.Context, t *Table, s *table.Snapshot) (int64, error) {
	if s == nil {
		return 0, nil
	}
	if n, ok := Total(s, TotalRows).(int64); ok && Total(s, totalDeletes) == int64(0) {
		return n, nil
	}
	files, err := l.Files(ctx, t, s, AllMonths)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, f := range files {
		left, err := l.rowsOf(ctx, t, f)
		if err != nil {
			return 0, fmt.Errorf("count the rows of %s in snapshot %d: %w", t.Name, s.SnapshotID, err)
		}
		n += left
	}
	return n, nil
}

// rowsOf counts the rows of a file that nothing deletes. Several snapshots of a table share files, so the counts are kept.
func (l *Lake) rowsOf(ctx context.Context, t *Table, f File) (n int64, err error) {
	if !f.Deletes() {
		return f.Rows(), nil
	}
	if n, ok := l.plans.counts.get(f.ID()); ok {
		return n, nil
	}
	one := table.WithSelectedFields(t.Meta.CurrentSchema().Field(0).Name)
	_, batches, err := t.iceberg(reader{ctx, l.store}).Scan(one).ReadTasks(ctx, []table.FileScanTask{f.task})
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", f.Path(), err)
	}
	for b, err := range batches {
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", f.Path(), err)
		}
		n += b.NumRows()
		b.Release()
	}
	l.plans.counts.set(f.ID(), n)
	return n, nil
}

// Deleted counts the rows that a snapshot of t deleted; nil if it deleted none, or if that cannot be known. Spark's summary has no such
// number for what it deletes by files of deletes: then the rows before and after tell.
func (l *Lake) Deleted(ctx context.Context, t *Table, s *table.Snapshot) (any, error) {
	if n := Total(s, DeletedRows); n != nil || Total(s, totalDeletes) == int64(0) || s.ParentSnapshotID == nil {
		return n, nil
	}
	parent := t.Meta.SnapshotByID(*s.ParentSnapshotID)
	if parent == nil {
		return nil, nil
	}
	before, err := l.Rows(ctx, t, parent)
	if err != nil {
		return nil, err
	}
	after, err := l.Rows(ctx, t, s)
	if err != nil {
		return nil, err
	}
	added, _ := Total(s, AddedRows).(int64)
	if n := before + added - after; n > 0 {
		return n, nil
	}
	return nil, nil
}

// Figures are a table's at its current snapshot; all zero for the empty table.
type Figures struct {
	Snapshot           int64
	CommittedAt        time.Time
	Rows, Files, Bytes int64
}

// Figures counts what the current snapshot of t holds.
func (l *Lake) Figures(ctx context.Context, t *Table) (f Figures, err error) {
	s := t.Snapshot()
	if s == nil {
		return f, nil
	}
	f = Figures{Snapshot: s.SnapshotID, CommittedAt: time.UnixMilli(s.TimestampMs)}
	f.Files, _ = Total(s, TotalFiles).(int64)
	f.Bytes, _ = Total(s, TotalBytes).(int64)
	f.Rows, err = l.Rows(ctx, t, s)
	return f, err
}
