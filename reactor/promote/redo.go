package promote

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/apache/iceberg-go"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// When a dataset's definition changes, its objects are read again (see grow). An object may then give other rows: some that it gave
// before are refused now, or have another key. A merge adds and replaces rows, and takes none away. So the rows that the object does
// not give any more go first, and the rows that had lost to them come back, as if the object had been deleted. Which objects that
// concerns, the ledger knows. Any order of objects, and any crash between, leads to the same table: until its commit an object is still
// one to be read again.

// rereading knows whether objects wait that an earlier definition read. Until a start has asked, it may be.
type rereading struct {
	over  atomic.Bool
	asked time.Time
}

// askedEvery is how often a promoter asks while objects wait: the ledger looks at each entry of the table where none is left.
const askedEvery = 10 * time.Second

// ask finds out whether there are any left.
func (s *Silver) ask(ctx context.Context) error {
	s.rereads.asked = s.cfg.now()
	view, err := s.cfg.Lake.OwnView(ctx)
	if err != nil {
		return err
	}
	left := tables.Redefined(view.Tables[s.rows.table])
	if left {
		left, err = s.cfg.Lake.AnyOutdated(ctx, s.rows.table)
	}
	s.rereads.over.Store(err == nil && !left)
	return err
}

// redo takes rows out of the table that objects of the batch gave to an earlier definition and do not give any more. again tells that it
// did, and that the batch has to be worked on from its beginning.
func (w *silverWork) redo(ctx context.Context, bucketName string) (again bool, err error) {
	if w.rereads.over.Load() {
		return false, nil
	}
	entries, err := w.outdated(ctx)
	switch {
	case err != nil:
		return false, err
	case len(entries) > 0:
		return w.takeVanished(ctx, entries, bucketName)
	case w.cfg.now().Sub(w.rereads.asked) > askedEvery:
		return false, w.ask(ctx)
	}
	return false, nil
}

// outdated returns the ledger's entries of those of the objects that an earlier definition read.
func (w *silverWork) outdated(ctx context.Context) (entries []lake.Entry, err error) {
	ids := make([]string, len(w.objects))
	for i, o := range w.objects {
		ids[i] = string(o.ID())
	}
	known, err := w.cfg.Lake.OutdatedOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	w.redone = map[int]bool{}
	for i, o := range w.objects {
		if known[ids[i]] && (w.errs[i] == nil || unreadable(w.errs[i])) {
			w.redone[i] = true
			entries = append(entries, lake.Entry{EventID: ids[i], SourceKey: o.Key, SourceVersion: o.Version, ModifiedAt: o.ModifiedAt})
		}
	}
	return entries, nil
}

// takeVanished commits the table without the rows that objects gave before and do not give now. done tells that it did: then the
// connection has other objects' rows, and the table is another one than was read.
func (w *silverWork) takeVanished(ctx context.Context, entries []lake.Entry, bucketName string) (done bool, err error) {
	t, err := w.view.Table(w.rows.table)
	if err != nil {
		return false, err
	}
	files, err := w.filesOf(ctx, t, entries)
	if err != nil || len(files) == 0 {
		return false, err
	}
	held, err := w.rows.cache.Hold(ctx, w.rows.conn, t, files)
	if err != nil {
		return false, err
	}
	defer held.Release()
	numbers, err := w.lost(ctx, entries, held, w.removal.Vanished)
	if err != nil || len(numbers) == 0 {
		return false, err
	}
	c, err := w.replaced(ctx, t, held, entries, bucketName)
	if err != nil {
		return false, fmt.Errorf("take the rows out of %s that its objects do not give any more: %w", w.rows.table, err)
	}
	c.Keep, c.Summary = w.view.Pins.Tables[t.Name].SnapshotID, iceberg.Properties{"millrace.redefined": strconv.Itoa(len(entries))}
	next, err := w.cfg.Lake.Commit(ctx, []lake.Change{c.Change}, nil)
	if err == nil {
		w.rememberCommit(next)
		w.cfg.Metrics.countCommits(w.view, next)
	}
	return err == nil, err
}

// unreadable tells whether an object cannot be read for a reason of its own.
func unreadable(err error) bool {
	action, _ := event.Outcome(err, 1)
	return action == event.Dead && !isGone(err)
}

// outdateAgain has the objects read again of a table that was rolled back to the rows of a former definition.
func (s *Silver) outdateAgain(ctx context.Context) error {
	view, err := s.cfg.Lake.OwnView(ctx)
	if err != nil {
		return err
	}
	t, err := view.Table(s.rows.table)
	if err != nil {
		return err
	}
	seen, former := tables.Former(t)
	if !former {
		return nil
	}
	s.cfg.Log.Warn("a table is rolled back to the rows of a former definition: the objects of its dataset are read again", "table", t.Name)
	change := lake.Change{Base: t, Properties: seen}
	if tables.Rekeyed(t.Meta, t.Snapshot()) { // by the key of now, two of its rows may be one
		if change.Remove, err = s.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.AllMonths); err != nil {
			return err
		}
	}
	_, err = s.cfg.Lake.Commit(ctx, []lake.Change{change}, func(tx *lake.Tx, _ []*lake.Table) error {
		return tx.Outdate(ctx, t.Name)
	})
	if err == nil {
		s.rereads.over.Store(false)
	}
	return err
}
