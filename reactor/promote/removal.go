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

// departure is an event that says, or leads to believe, that an object version is gone.
type departure struct {
	event.Delivery
	// former holds the ledger's entries of the version.
	former []lake.Entry
	// overwritten tells that the key has another object now: in a bucket without versions a put replaces the object.
	overwritten bool
}

// known tells whether the ledger has the version: its rows were in the table, or its removal was announced before its put.
func (d departure) known() bool {
	return slices.ContainsFunc(d.former, func(e lake.Entry) bool { return e.Outcome != lake.OutcomeDead })
}

// remove handles events of deleted versions: removals, and puts whose object could not be fetched.
func (s *Silver) remove(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	err := s.turns.Do(ctx, func() error {
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

// departures asks bronze whether the versions are gone, and the ledger for their entries.
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
			if e.SourceVersion == o.Version && (!there || !now.Is(e.ModifiedAt)) {
				one.former = append(one.former, e)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// commitRemoval removes the rows of departed versions from silver and records that in the ledger, in one commit.
func (s *Silver) commitRemoval(ctx context.Context, departures []departure, errs []error) error {
	view, err := s.cfg.Lake.OwnView(ctx)
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
	var refused []event.Object // what is in no table any more: of an overwritten key another object is
	for _, d := range departures {
		for _, e := range d.former {
			if e.Outcome == lake.OutcomeDead {
				continue // it never had a row
			}
			gone = append(gone, e)
			if !d.overwritten { // else the object that replaced it has replaced its refused rows
				refused = append(refused, event.Object{Key: e.SourceKey, Version: e.SourceVersion, ModifiedAt: e.ModifiedAt})
			}
		}
	}
	if len(gone) > 0 {
		if err := w.without(ctx, gone, refused, departures[0].Object.Bucket); err != nil {
			return err
		}
	}
	w.forgetGone(refused, own)
	next, err := s.cfg.Lake.Commit(ctx, w.changes, func(tx *lake.Tx, next []*lake.Table) (err error) {
		if own, err = tableAfter(ctx, tx, own, next); err != nil {
			return err
		}
		return tx.Record(ctx, s.removedEntries(departures, errs, own)...)
	})
	if err == nil {
		w.tellDrift()
		s.cfg.Metrics.countCommits(view, next)
		// Those that the ledger called removed before were counted then.
		if gone = slices.DeleteFunc(gone, func(e lake.Entry) bool { return e.Outcome != lake.OutcomeDone }); len(gone) > 0 {
			s.cfg.Metrics.removed.WithLabelValues(s.rows.table).Add(float64(len(gone)))
			s.cfg.Log.Info("removed the rows of deleted object versions", "table", s.rows.table, "versions", len(gone), "first", gone[0].SourceKey)
		}
	}
	return err
}

// removedEntries makes the ledger's entries for departed versions: one for each former event, and one for the event that told of
// the removal. With it, a put's event that comes after the removal makes no dead letter.
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

// without works out the changes that remove the rows of versions that are gone.
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
	// rowsWithout may have put refused rows of other objects there; the table has these already.
	if err := w.refused.conn.Exec(ctx, silver.RejectedMergeSQL().Incoming); err != nil {
		return nil, err
	}
	w.in.KeepRefused()
	w.in.Refused = 0
	return w.refusals(ctx, objects)
}

// rowsWithout drops the rows of versions that are gone and brings back the winning rows of the versions that are left.
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
	numbers, err := w.lost(ctx, gone, held, w.removal.Lost)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	return w.replaced(ctx, t, held, gone, bucketName)
}

// replaced is the change that takes the lost rows out and puts the rows that had lost to them in their place.
func (w *silverWork) replaced(ctx context.Context, t *lake.Table, held *rows.Held, gone []lake.Entry, bucketName string) (*merged, error) {
	numbers, err := w.rows.conn.Ints(ctx, w.removal.Files)
	if err != nil {
		return nil, err
	}
	if err := w.winners(ctx, gone, bucketName); err != nil {
		return nil, fmt.Errorf("find the rows of %s that come back: %w", w.rows.table, err)
	}
	var remove []lake.File
	for _, n := range numbers {
		remove = append(remove, held.Files[n])
	}
	return w.rows.write(ctx, t, remove, w.removal.Rows, func() {})
}

// filesOf returns the files that may hold rows of the versions.
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

// lost finds the rows that must go, by SQL, and returns the numbers of their files.
func (w *silverWork) lost(ctx context.Context, gone []lake.Entry, held *rows.Held, sql string) ([]int64, error) {
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
	if err := conn.Exec(ctx, "create or replace temp view existing as "+held.Relation+"; "+sql); err != nil {
		return nil, fmt.Errorf("find the rows of deleted versions in %s: %w", w.rows.table, err)
	}
	return conn.Ints(ctx, w.removal.Files)
}
