package promote

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
)

const (
	// rereadBatch is the number of objects that are read again at once in the search for lost keys.
	rereadBatch = 128
	// askers is the number of concurrent requests to the store.
	askers = 8
)

// winners fills the table incoming with rows of the lost keys; the winning ones are among them. The table has no rows that lost,
// so the dataset's objects are read again, but only those that matter:
//   - A row that comes back had lost to a row that is gone. Where the newest object's rows win, its object was put no later than that
//     row's.
//   - A row may be ahead of its object's put by the slack at most. Earlier objects cannot have it.
//   - There objects are read in the order in which their rows win, and the search ends when each key has a row. By another rule any
//     object may have the winner, so all are read.
func (w *silverWork) winners(ctx context.Context, gone []lake.Entry, bucketName string) error {
	if err := w.in.Begin(ctx); err != nil {
		return err
	}
	span, err := w.rows.conn.Ints(ctx, w.removal.Span)
	if err != nil {
		return err
	}
	entries, err := w.cfg.Lake.Promoted(ctx, w.dataset.Table, silver.EarliestPut(time.UnixMicro(span[0])), w.dataset.LatestPut(time.UnixMicro(span[1])))
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, e := range gone {
		left[e.EventID] = true
	}
	var some []lake.Entry
	for i, e := range entries {
		if !left[e.EventID] {
			some = append(some, e)
		}
		if len(some) < rereadBatch && i < len(entries)-1 || len(some) == 0 {
			continue
		}
		if awaited, err := w.reread(ctx, some, bucketName); err != nil || awaited == 0 && w.dataset.Winner.ByPut() {
			return err
		}
		some = some[:0]
	}
	return nil
}

// reread reads objects again, keeps their rows of lost keys, and returns the number of keys that still have no row.
func (w *silverWork) reread(ctx context.Context, entries []lake.Entry, bucketName string) (awaited int64, err error) {
	objects, err := w.objectsOf(ctx, entries, bucketName)
	if err != nil {
		return 0, err
	}
	errs, err := w.in.Fill(ctx, objects)
	if err != nil {
		return 0, err
	}
	for i, err := range errs {
		switch action, _ := event.Outcome(err, 1); {
		case action == event.Retry:
			return 0, err
		case action == event.Dead && !isGone(err): // an object that is gone meanwhile has its own event
			w.cfg.Log.Warn("cannot read an object that was readable before; `reactor check` reports it", "key", objects[i].Key, "reason", err)
		}
	}
	if err := w.rows.conn.Exec(ctx, w.removal.Needed); err != nil {
		return 0, err
	}
	n, err := w.rows.conn.Ints(ctx, w.removal.Awaited)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// objectsOf returns the objects of entries with their sizes, and leaves out those that are gone.
func (w *silverWork) objectsOf(ctx context.Context, entries []lake.Entry, bucketName string) ([]event.Object, error) {
	found := make([]*event.Object, len(entries))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askers)
	for i, e := range entries {
		g.Go(func() error {
			p, there, err := reconcile.Present(ctx, bucket.Bucket{Client: w.cfg.Client, Name: bucketName}, e.SourceKey, e.SourceVersion)
			if err == nil && there && p.Is(e.ModifiedAt) {
				p.Object.ModifiedAt = e.ModifiedAt
				found[i] = &p.Object
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var objects []event.Object
	for _, o := range found {
		if o != nil {
			objects = append(objects, *o)
		}
	}
	return objects, nil
}
