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
	// rereadBatch is how many objects are read again at once while lost keys are looked for.
	rereadBatch = 128
	// askers is how many objects the store is asked for side by side.
	askers = 8
)

// winners gathers, in the table incoming, rows of the lost keys among which the winners are. A row that lost is nowhere in
// the table, so the dataset's objects are read again, but no more of them than can matter:
//   - A row that comes back lost to one that is gone, so its object was put no later.
//   - A row further ahead of its object than the slack is refused, so its object was put no earlier than that.
//   - The objects come in the order in which their rows win, so the search ends when each key has a row.
func (w *silverWork) winners(ctx context.Context, gone []lake.Entry, bucketName string) error {
	if err := w.in.Begin(ctx); err != nil {
		return err
	}
	span, err := w.rows.conn.Ints(ctx, w.removal.Span)
	if err != nil {
		return err
	}
	entries, err := w.cfg.Lake.Promoted(ctx, w.dataset.Table, silver.EarliestPut(time.UnixMicro(span[0])), time.UnixMicro(span[1]))
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
		if awaited, err := w.reread(ctx, some, bucketName); err != nil || awaited == 0 {
			return err
		}
		some = some[:0]
	}
	return nil
}

// reread reads objects again, keeps their rows of lost keys, and returns how many keys have no row yet.
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
		case action == event.Dead && !isGone(err): // one that went meanwhile has an event of its own
			w.cfg.Log.Warn("an object that was read before cannot be read any more; `reactor check` tells of it", "key", objects[i].Key, "reason", err)
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

// objectsOf returns the objects of entries, with their sizes, without those that are not there any more.
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
