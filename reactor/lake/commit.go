package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/infra/tracing"
)

// Change is what a commit does to one table in one snapshot: it takes files away, writes rows, or both. With neither it changes
// properties or columns only.
type Change struct {
	Base   *Table // the table as it was read; if it has changed since, the commit fails with ErrConflict
	Remove []File
	// Rows are written with Schema. They come clustered by partition, as OrderSQL sorts them. nil means no rows.
	Schema *arrow.Schema
	Rows   iter.Seq2[arrow.RecordBatch, error]
	// Written are rows that the pending commit has written already, in place of Rows.
	Written Written
	// Rewrite promises that Rows are the rows of Remove and nothing else. Then readers of changes skip the snapshot.
	Rewrite bool
	// MergeManifests puts the entries of all manifests into one. Remove and Rows must be empty.
	MergeManifests bool
	// Expire drops old snapshots even if they are too few for other commits to care.
	Expire bool
	// Evolve, when not nil, becomes the table's schema. A column that stays keeps its field's id.
	Evolve *iceberg.Schema
	// Partition, when not nil, divides the table's new files; empty is not at all. Old files stay as they are.
	Partition  []PartitionBy
	Keep       int64              // snapshot that must not expire, 0 for none
	Summary    iceberg.Properties // of the snapshot
	Properties iceberg.Properties // of the table, to set
}

// staged is a change whose files are written or under way. Only the pointer has to move then.
type staged struct {
	base *Table // nil for a table that is made
	next *Table
	seen *Table     // next, as the lake shows it
	id   Identifier // empty where the name of next tells it
}

// identifier is that of the staged table.
func (c staged) identifier() (Identifier, error) {
	if c.id != (Identifier{}) {
		return c.id, nil
	}
	return parseName(c.next.Name)
}

// Commit makes all changes and what inTx writes true at once, or none of them. It returns the new tables in the order of the
// changes. ErrConflict leaves everything as it was: read again and work out the changes anew.
//
// All files are in object storage before the database transaction begins. So a crash at any moment leaves either the old lake and
// some files that no table names, or the new lake.
func (l *Lake) Commit(ctx context.Context, changes []Change, inTx func(*Tx, []*Table) error) ([]*Table, error) {
	ctx, end := tracing.Span(ctx, "commit")
	defer end()
	p := l.Begin(ctx)
	for _, c := range changes {
		p.Stage(func() (Change, bool, error) { return c, true, nil })
	}
	return p.end(ctx, nil, inTx)
}

// finish waits until a commit's files are stored and moves the pointers. After err it removes the files.
func (l *Lake) finish(ctx context.Context, s *session, ready []staged, err error, inTx func(*Tx, []*Table) error) ([]*Table, error) {
	_, barrier := tracing.Span(ctx, "barrier")
	err = errors.Join(err, s.wait())
	barrier()
	if err == nil {
		ctx, end := tracing.Span(ctx, "transaction")
		err = l.catalog.write(ctx, func(tx *Tx) error {
			tx.branch = l.branch
			return moveAll(ctx, tx, ready, inTx)
		})
		end()
	}
	tracing.Fail(ctx, err)
	if err != nil {
		var unknown *UnknownError
		if errors.As(err, &unknown) {
			return nil, err // the commit may have happened, and then its files are in use
		}
		if cleanErr := s.discard(context.WithoutCancel(ctx)); cleanErr != nil {
			err = errors.Join(err, fmt.Errorf("remove the files of the failed commit (upkeep will): %w", cleanErr))
		}
		return nil, err
	}
	for _, c := range ready {
		l.remember(c.next)
		l.store.handOver(c)
		l.store.cache.remove(c.next.Location) // it is remembered parsed
	}
	return tables(ready), nil
}

func moveAll(ctx context.Context, tx *Tx, ready []staged, inTx func(*Tx, []*Table) error) error {
	for _, c := range ready {
		if err := tx.apply(ctx, c); err != nil {
			return err
		}
	}
	if inTx == nil {
		return nil
	}
	return inTx(tx, tables(ready))
}

// apply moves the pointer of a staged table, or makes it.
func (t *Tx) apply(ctx context.Context, c staged) error {
	id, err := c.identifier()
	if err != nil {
		return err
	}
	switch {
	case c.base == nil:
		return t.add(ctx, KindTable, id, c.next.Location)
	case c.next.Location == c.base.Location:
		return nil
	}
	return t.swap(ctx, KindTable, id, c.base.Location, c.next.Location)
}

func tables(ready []staged) []*Table {
	next := make([]*Table, len(ready))
	for i, c := range ready {
		next[i] = c.seen
	}
	return next
}

// stage writes the data files, manifests and metadata of one change.
func (l *Lake) stage(ctx context.Context, s *session, c Change) (*Table, error) {
	ctx, end := tracing.Span(ctx, "stage "+c.Base.Name)
	defer end()
	var err error
	branch, shown := Main, c.Base // of a branch the base becomes the table itself
	if l.branch != nil {
		branch = l.branch.name
		if c, err = l.branch.divert(c); err != nil {
			return nil, err
		}
	}
	if c.Base, err = c.Base.notAfter(time.Now()); err != nil {
		return nil, err
	}
	base, updates, err := evolve(c)
	if err != nil {
		return nil, err
	}
	added := c.Written
	if c.Rows != nil {
		if added, err = writeRows(ctx, s, base, c.Schema, c.Rows); err != nil {
			return nil, err
		}
	}
	tx := base.iceberg(s).NewTransactionOnBranch(branch)
	written := writing{added: added.files}
	if len(c.Remove) > 0 {
		if written.dangling, err = l.dangling(ctx, shown, c.Remove); err != nil {
			return nil, err
		}
	}
	if err := change(ctx, tx, c, written); err != nil {
		return nil, err
	}
	if branch == Main { // as part of a commit, expiry costs nothing that can be measured
		if err := expire(tx, c.Base.Meta, c.Keep, c.Expire); err != nil {
			return nil, err
		}
	}
	commit, err := tx.TableCommit()
	if err != nil {
		return nil, err
	}
	at := s.at(c.Base)
	if updates, err = ownSnapshots(updates, commit.Updates, at); err != nil {
		return nil, err
	}
	after, err := tx.StagedTable()
	if err != nil {
		return nil, err
	}
	if s := after.CurrentSnapshot(); branch == Main && s != nil && len(added.files) > 0 {
		l.plans.added.set(snapshotKey(s.SnapshotID), added.files)
	}
	updates = append(updates, tagDay(c.Base, after.CurrentSnapshot(), at)...) // main's snapshot, which a branch's commit leaves alone
	updates = append(updates, untag(c.Base, at)...)
	return l.stageMetadata(s, c.Base, updates)
}

// ownSnapshots appends a transaction's updates, with copies of their snapshots that were made at a time. A snapshot of iceberg-go
// points into what produced it (its parent's id is a field there), and that points to the transaction and the metadata before.
// Without the copy every commit and all that it wrote would stay in memory for ever.
func ownSnapshots(updates, more []table.Update, at time.Time) ([]table.Update, error) {
	for _, u := range more {
		if u.Action() == table.UpdateAddSnapshot {
			b, err := json.Marshal(u)
			if err != nil {
				return nil, fmt.Errorf("write snapshot: %w", err)
			}
			var add struct{ Snapshot table.Snapshot }
			if err := json.Unmarshal(b, &add); err != nil {
				return nil, fmt.Errorf("read snapshot: %w", err)
			}
			add.Snapshot.TimestampMs = at.UnixMilli()
			u = table.NewAddSnapshotUpdate(&add.Snapshot)
		}
		updates = append(updates, u)
	}
	return updates, nil
}

// stageMetadata applies updates to a table's metadata and writes the result.
func (l *Lake) stageMetadata(s *session, base *Table, updates []table.Update) (*Table, error) {
	if len(updates) == 0 {
		return base, nil
	}
	at := s.at(base) // before anything takes its time from the clock
	meta, err := table.UpdateTableMetadata(base.Meta, updates, base.Location)
	if err != nil {
		return nil, err
	}
	if meta, err = movedAt(meta, at); err != nil {
		return nil, err
	}
	location, err := metadataLocation(meta, nextVersion(base.Location))
	if err != nil {
		return nil, err
	}
	b, err := marshalMetadata(location, meta)
	if err != nil {
		return nil, err
	}
	if err := s.WriteFile(location, b); err != nil {
		return nil, err
	}
	return &Table{Name: base.Name, Location: location, Meta: meta, store: l.store}, nil
}

// writing has the files that a change adds, and those of deletes that no data file needs after it.
type writing struct{ added, dangling []iceberg.DataFile }

// change puts a change's files and properties into a transaction.
func change(ctx context.Context, tx *table.Transaction, c Change, w writing) error {
	if len(c.Properties) > 0 {
		if err := tx.SetProperties(c.Properties); err != nil {
			return err
		}
	}
	switch {
	case c.MergeManifests:
		if err := mergeManifests(ctx, tx); err != nil {
			return err
		}
	case c.Rewrite:
		rewrite := tx.NewRewrite(c.Summary)
		for _, f := range c.Remove {
			rewrite.DeleteFile(f.task.File)
		}
		for _, f := range w.dangling {
			rewrite.DeleteFile(f)
		}
		for _, f := range w.added {
			rewrite.AddDataFile(f)
		}
		if err := rewrite.Commit(ctx); err != nil {
			return err
		}
	case len(c.Remove) > 0:
		removed := make([]iceberg.DataFile, len(c.Remove))
		for i, f := range c.Remove {
			removed[i] = f.task.File
		}
		if err := tx.ReplaceFiles(ctx, removed, w.added, w.dangling, c.Summary); err != nil {
			return err
		}
	case len(w.added) > 0:
		if err := tx.AddDataFiles(ctx, w.added, c.Summary, table.WithoutDuplicateCheck()); err != nil {
			return err
		}
	}
	return nil
}

// mergeManifests puts all entries into one group, and so into one manifest: a table has some thousand files at most. iceberg-go's
// usual packing would keep a hundred small manifests.
func mergeManifests(ctx context.Context, tx *table.Transaction) error {
	_, err := tx.RewriteManifests(ctx, table.WithRewriteManifestClusterBy(func(iceberg.DataFile) any { return 0 }))
	return err
}

// evolve returns the base of a change with its new schema and its new partition spec, and the updates that lead there.
func evolve(c Change) (*Table, []table.Update, error) {
	base, updates := c.Base, []table.Update(nil)
	apply := func(what string, more []table.Update) error {
		meta, err := table.UpdateTableMetadata(base.Meta, more, base.Location)
		if err != nil {
			return fmt.Errorf("evolve the %s of %s: %w", what, base.Name, err)
		}
		base, updates = &Table{Name: base.Name, Location: base.Location, Meta: meta, store: base.store}, append(updates, more...)
		return nil
	}
	if c.Evolve != nil {
		if err := apply("schema", []table.Update{table.NewAddSchemaUpdate(c.Evolve), table.NewSetCurrentSchemaUpdate(-1)}); err != nil {
			return nil, nil, err
		}
	}
	if c.Partition != nil {
		more, err := repartition(base.Meta, c.Partition)
		if err == nil {
			err = apply("partitions", more)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return base, updates, nil
}
