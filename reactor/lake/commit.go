package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"
)

// Change is what a commit does to one table: take files away, write rows, both or neither in one snapshot.
type Change struct {
	Base   *Table // the table as it was read; the commit fails with ErrConflict when it is another by now
	Remove []File
	// Schema and Rows are what to write, clustered by partition (all rows of a month together). Rows nil: nothing.
	Schema *arrow.Schema
	Rows   iter.Seq2[arrow.RecordBatch, error]
	// Evolve, when not nil, becomes the table's schema. Field ids of columns that stay must stay.
	Evolve     *iceberg.Schema
	Keep       int64              // snapshot that must not expire, 0 for none
	Summary    iceberg.Properties // of the snapshot
	Properties iceberg.Properties // of the table, to set
}

// staged is a change whose files are written and whose metadata is on its way: only the pointer has to move.
type staged struct {
	base *Table
	next *Table
}

// Commit makes all changes and what inTx writes true at once, or none of it. It returns the tables as they are then, in
// the order of the changes. A conflict (ErrConflict) leaves everything as it was: read again, work it out anew.
//
// Everything is in object storage before the database transaction begins, so a crash at any moment leaves either the
// old lake and some files that no table names, or the new lake.
func (l *Lake) Commit(ctx context.Context, changes []Change, inTx func(*Tx, []*Table) error) ([]*Table, error) {
	s := newSession(ctx, l.store)
	ready, err := l.stageAll(ctx, s, changes)
	if err = errors.Join(err, s.wait()); err == nil {
		err = l.catalog.write(ctx, func(tx *Tx) error { return moveAll(ctx, tx, ready, inTx) })
	}
	if err != nil {
		var unknown *UnknownError
		if errors.As(err, &unknown) {
			return nil, err // the files may be in use
		}
		if cleanErr := s.discard(context.WithoutCancel(ctx)); cleanErr != nil {
			err = errors.Join(err, fmt.Errorf("remove the files of the failed commit (harmless orphans): %w", cleanErr))
		}
		return nil, err
	}
	next := tables(ready)
	for _, t := range next {
		l.remember(t)
	}
	return next, nil
}

func moveAll(ctx context.Context, tx *Tx, ready []staged, inTx func(*Tx, []*Table) error) error {
	for _, c := range ready {
		if c.next.Location == c.base.Location {
			continue
		}
		if err := tx.move(ctx, c.base.Name, c.base.Location, c.next.Location); err != nil {
			return err
		}
	}
	if inTx == nil {
		return nil
	}
	return inTx(tx, tables(ready))
}

func tables(ready []staged) []*Table {
	next := make([]*Table, len(ready))
	for i, c := range ready {
		next[i] = c.next
	}
	return next
}

func (l *Lake) stageAll(ctx context.Context, s *session, changes []Change) ([]staged, error) {
	ready := make([]staged, len(changes))
	var g errgroup.Group
	for i, c := range changes {
		g.Go(func() error {
			next, err := l.stage(ctx, s, c)
			if err != nil {
				return fmt.Errorf("write %s: %w", c.Base.Name, err)
			}
			ready[i] = staged{base: c.Base, next: next}
			return nil
		})
	}
	return ready, g.Wait()
}

// stage writes data files, manifests and metadata of one change.
func (l *Lake) stage(ctx context.Context, s *session, c Change) (*Table, error) {
	var err error
	if c.Base, err = c.Base.notAfter(time.Now()); err != nil {
		return nil, err
	}
	base, updates, err := evolve(c)
	if err != nil {
		return nil, err
	}
	t := base.at(s)
	var added []iceberg.DataFile
	if c.Rows != nil {
		for f, err := range table.WriteRecords(ctx, t, c.Schema, c.Rows, table.WithClusteredWrite()) {
			if err != nil {
				return nil, err
			}
			added = append(added, f)
		}
	}
	tx := t.NewTransaction()
	if err := change(ctx, tx, c, added); err != nil {
		return nil, err
	}
	commit, err := tx.TableCommit()
	if err != nil {
		return nil, err
	}
	updates = append(updates, commit.Updates...)
	after, err := tx.StagedTable()
	if err != nil {
		return nil, err
	}
	updates = append(updates, tagDay(c.Base, after.CurrentSnapshot())...)
	if len(updates) == 0 {
		return c.Base, nil
	}
	meta, err := table.UpdateTableMetadata(c.Base.Meta, updates, c.Base.Location)
	if err != nil {
		return nil, err
	}
	version, err := MetadataVersion(c.Base.Location)
	if err != nil {
		return nil, err
	}
	location, err := metadataLocation(meta, version+1)
	if err != nil {
		return nil, err
	}
	b, err := marshalMetadata(meta)
	if err != nil {
		return nil, err
	}
	return &Table{Name: c.Base.Name, Location: location, Meta: meta, store: l.store}, s.WriteFile(location, b)
}

// change puts the files and properties of a change into a transaction, and expires what became too old: in the same
// commit that costs nothing measurable.
func change(ctx context.Context, tx *table.Transaction, c Change, added []iceberg.DataFile) error {
	if len(c.Properties) > 0 {
		if err := tx.SetProperties(c.Properties); err != nil {
			return err
		}
	}
	switch {
	case len(c.Remove) > 0:
		removed := make([]iceberg.DataFile, len(c.Remove))
		for i, f := range c.Remove {
			removed[i] = f.task.File
		}
		if err := tx.ReplaceDataFilesWithDataFiles(ctx, removed, added, c.Summary); err != nil {
			return err
		}
	case len(added) > 0:
		if err := tx.AddDataFiles(ctx, added, c.Summary, table.WithoutDuplicateCheck()); err != nil {
			return err
		}
	}
	return expire(tx, c.Base.Meta, c.Keep)
}

// evolve is the base of a change with its new schema, and the updates that lead there.
func evolve(c Change) (*Table, []table.Update, error) {
	if c.Evolve == nil {
		return c.Base, nil, nil
	}
	updates := []table.Update{table.NewAddSchemaUpdate(c.Evolve), table.NewSetCurrentSchemaUpdate(-1)}
	meta, err := table.UpdateTableMetadata(c.Base.Meta, updates, c.Base.Location)
	if err != nil {
		return nil, nil, fmt.Errorf("evolve schema: %w", err)
	}
	return &Table{Name: c.Base.Name, Location: c.Base.Location, Meta: meta, store: c.Base.store}, updates, nil
}
