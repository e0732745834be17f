package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/iceberg-go"

	"millrace/infra/bucket"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
)

// isGone tells whether an object could not be fetched because its version was deleted.
func isGone(err error) bool {
	var dead *event.DeadError
	return errors.As(err, &dead) && dead.Class == event.Gone
}

// departure is an event of an object version that is said to be gone.
type departure struct {
	event.Delivery
	// former are the ledger's entries of the version that go with it.
	former []lake.Entry
	// overwritten: the key has another object now. Without versions, an object takes the place of the one before.
	overwritten bool
}

// known tells whether the version had its turn: its rows were in the table, or its removal was heard of before its put.
func (d departure) known() bool {
	return slices.ContainsFunc(d.former, func(e lake.Entry) bool { return e.Outcome != lake.OutcomeDead })
}

// remove works on events of versions that were deleted: those that say so, and those whose object could not be fetched.
func (s *Silver) remove(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	err := s.cfg.Metrics.retry().Do(ctx, func() error {
		departures, err := s.departures(ctx, batch)
		if err != nil {
			return err
		}
		for i, d := range departures {
			errs[i] = nil
			if !d.Object.Removed && !d.known() {
				errs[i] = event.DeadAs(event.Gone, "the object is no longer there: %s version %s", d.Object.Key, d.Object.Version)
			}
		}
		return s.commitRemoval(ctx, departures, errs)
	})
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// departures asks bronze whether the versions are gone, and the ledger what it knows of them.
func (s *Silver) departures(ctx context.Context, batch []event.Delivery) ([]departure, error) {
	var all []departure
	for _, d := range batch {
		o := d.Object
		now, there, err := reconcile.Present(ctx, bucket.Bucket{Client: s.cfg.Client, Name: o.Bucket}, o.Key, o.Version)
		if err != nil {
			return nil, err
		}
		entries, err := s.cfg.Lake.EntriesOf(ctx, o.Key)
		if err != nil {
			return nil, err
		}
		one := departure{Delivery: d, overwritten: there}
		for _, e := range entries {
			if e.SourceVersion == o.Version && !(there && now.Is(e.ModifiedAt)) {
				one.former = append(one.former, e)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// commitRemoval takes the rows of departed versions out of silver, and says so in the ledger, in one commit.
func (s *Silver) commitRemoval(ctx context.Context, departures []departure, errs []error) error {
	view, err := s.cfg.Lake.View(ctx)
	if err != nil {
		return err
	}
	own, err := view.Table(s.rows.table)
	if err != nil {
		return err
	}
	w := &silverWork{Silver: s, view: view, in: &intake.Intake{
		Client: s.cfg.Client, Dataset: s.dataset, Limits: s.cfg.Limits, Rows: s.rows.conn, Rejected: s.refused.conn,
	}}
	defer w.release()
	var gone []lake.Entry
	var refused []event.Object
	for _, d := range departures {
		for _, e := range d.former {
			if e.Outcome != lake.OutcomeDone {
				continue
			}
			gone = append(gone, e)
			if !d.overwritten { // else its refused rows gave way to those of the object that took its place
				refused = append(refused, event.Object{Key: e.SourceKey, Version: e.SourceVersion, ModifiedAt: e.ModifiedAt})
			}
		}
	}
	if len(gone) > 0 {
		if err := w.without(ctx, gone, refused, departures[0].Object.Bucket); err != nil {
			return err
		}
	}
	next, err := s.cfg.Lake.Commit(ctx, w.changes, func(tx *lake.Tx, next []*lake.Table) (err error) {
		if own, err = tableAfter(ctx, tx, own, next); err != nil {
			return err
		}
		return tx.Record(ctx, s.removedEntries(departures, errs, own)...)
	})
	if err == nil {
		s.cfg.Metrics.countCommits(view, next)
		s.cfg.Metrics.removed.WithLabelValues(s.rows.table).Add(float64(len(gone)))
		if len(gone) > 0 {
			s.cfg.Log.Info("rows of deleted object versions were taken out", "table", s.rows.table, "versions", len(gone), "first", gone[0].SourceKey)
		}
	}
	return err
}

// removedEntries are what the ledger says of departed versions: of each former event, and of the one that told of it, so that
// the event of a put that comes after its removal is no dead letter.
func (s *Silver) removedEntries(departures []departure, errs []error, t *lake.Table) []lake.Entry {
	now := s.cfg.now()
	var entries []lake.Entry
	for i, d := range departures {
		e := entryOf(d.Delivery, now)
		e.Table, e.Outcome = s.dataset.Table, lake.OutcomeRemoved
		if errs[i] != nil {
			e.Outcome, e.Reason = lake.OutcomeDead, errs[i].Error()
		}
		told := []lake.Entry{e}
		for _, former := range d.former {
			if former.EventID == e.EventID {
				continue
			}
			former.Outcome, former.Reason, former.Run, former.At = lake.OutcomeRemoved, "", d.Run, now
			told = append(told, former)
		}
		for _, e := range told {
			e.SnapshotID, e.Sequence = t.SnapshotID(), t.Sequence()
			entries = append(entries, e)
		}
	}
	return entries
}

// without works out the tables without the rows of versions that are gone.
func (w *silverWork) without(ctx context.Context, gone []lake.Entry, refused []event.Object, bucketName string) error {
	for _, change := range []func() (*merged, error){
		func() (*merged, error) { return w.rowsWithout(ctx, gone, bucketName) },
		func() (*merged, error) { return w.refusedWithout(ctx, refused) },
	} {
		c, err := change()
		if err != nil {
			return err
		}
		w.take(c, iceberg.Properties{"millrace.removed": strconv.Itoa(len(gone))})
	}
	return nil
}

// refusedWithout drops the refused rows of versions that are gone.
func (w *silverWork) refusedWithout(ctx context.Context, objects []event.Object) (*merged, error) {
	// What was refused while other objects were read again is in the table already.
	if err := w.refused.conn.Exec(ctx, silver.RejectedMergeSQL().Incoming); err != nil {
		return nil, err
	}
	w.in.KeepRefused()
	w.in.Refused = 0
	return w.refusals(ctx, objects)
}

// rowsWithout drops the rows of versions that are gone, and brings back the winners among the versions that are left.
func (w *silverWork) rowsWithout(ctx context.Context, gone []lake.Entry, bucketName string) (*merged, error) {
	t, err := w.view.Table(w.rows.table)
	if err != nil {
		return nil, err
	}
	files, err := w.filesOf(ctx, t, gone)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	held, err := w.rows.cache.Hold(ctx, w.rows.conn, t, files)
	if err != nil {
		return nil, err
	}
	w.held = append(w.held, held.Release)
	numbers, err := w.lost(ctx, gone, held)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	if err := w.winners(ctx, gone, bucketName); err != nil {
		return nil, fmt.Errorf("look for the rows of %s that come back: %w", w.rows.table, err)
	}
	var remove []lake.File
	for _, n := range numbers {
		remove = append(remove, held.Files[n])
	}
	return w.rows.write(ctx, t, remove, w.removal.Rows, func() {})
}

// filesOf returns the files that may hold a row of the versions.
func (w *silverWork) filesOf(ctx context.Context, t *lake.Table, gone []lake.Entry) ([]lake.File, error) {
	const put = "source_modified_at"
	var all []bounds
	for _, e := range gone {
		us := e.ModifiedAt.UnixMicro()
		all = append(all, bounds{loTime: us, hiTime: us, texts: []string{"source_key"}, loText: []string{e.SourceKey}, hiText: []string{e.SourceKey}})
	}
	files, err := w.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(files), func(f lake.File) bool {
		return !slices.ContainsFunc(all, func(b bounds) bool { return b.meets(t, f, put) })
	}), nil
}

// lost finds the rows that have to go, and returns the numbers of their files.
func (w *silverWork) lost(ctx context.Context, gone []lake.Entry, held *rows.Held) ([]int64, error) {
	conn := w.rows.conn
	if err := conn.Exec(ctx, w.removal.Removed); err != nil {
		return nil, err
	}
	var versions []string
	for _, e := range gone {
		versions = append(versions, fmt.Sprintf("(%s, %s, '%s')", duck.Quote(e.SourceKey), duck.Quote(e.SourceVersion), e.ModifiedAt.UTC().Format("2006-01-02 15:04:05.000000+00")))
	}
	if err := insertValues(ctx, conn, "removed", versions); err != nil {
		return nil, err
	}
	if err := conn.Exec(ctx, "create or replace temp view existing as "+held.Relation+"; "+w.removal.Lost); err != nil {
		return nil, fmt.Errorf("find the rows of deleted versions in %s: %w", w.rows.table, err)
	}
	return conn.Ints(ctx, w.removal.Files)
}
