package progress

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/namespace"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
)

// poll is how often a waiting command looks into the ledger: one indexed read of a local database.
const poll = 5 * time.Millisecond

// Pause waits for a moment, or until ctx ends, which is an error.
func Pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(poll):
		return nil
	}
}

// Newest finds the latest version of an object.
func Newest(ctx context.Context, b bucket.Bucket, key string) (event.Object, error) {
	if why := bronze.Ignored(key); why != "" {
		return event.Object{}, fmt.Errorf("the object %s is ignored: %s", key, why)
	}
	var found event.Object
	for o, err := range reconcile.Objects(ctx, b, key) {
		if err != nil {
			return event.Object{}, err
		}
		if o.Key == key && (found.Key == "" || o.ModifiedAt.After(found.ModifiedAt)) {
			found = o
		}
	}
	if found.Key == "" {
		return event.Object{}, fmt.Errorf("there is no object %s in bucket %s (only those in bronze/ can be waited for)", key, b.Name)
	}
	return found, nil
}

// Arrival is when an object got where.
type Arrival struct{ Put, Silver, Gold time.Time }

// Await returns when an object is in gold. An object that became a dead letter is an error.
func Await(ctx context.Context, l *lake.Lake, o event.Object) (Arrival, error) {
	arrival := Arrival{Put: o.ModifiedAt}
	e, err := awaitEntry(ctx, l, o)
	if err != nil {
		return arrival, err
	}
	arrival.Silver = e.At
	for {
		at, ok, err := l.Reached(ctx, silver.TableName(e.Table), e.Sequence)
		if err != nil {
			return arrival, errors.Join(err, context.Cause(ctx))
		}
		if ok {
			// An event that changed nothing may be recorded after gold had long caught up.
			arrival.Gold = later(at, e.At)
			return arrival, nil
		}
		if err := Pause(ctx); err != nil {
			return arrival, err
		}
	}
}

// DeadLetter says that an object became a dead letter.
type DeadLetter struct{ Reason string }

func (e *DeadLetter) Error() string { return "it is a dead letter: " + e.Reason }

// AwaitAll returns when all objects are in gold, and the number of those that became dead letters.
func AwaitAll(ctx context.Context, l *lake.Lake, objects iter.Seq2[event.Object, error], show Show) (dead int, err error) {
	bar := show(-1, "promoting")
	defer bar.Done()
	for o, err := range objects {
		if err != nil {
			return dead, err
		}
		var letter *DeadLetter
		if _, err := awaitEntry(ctx, l, o); errors.As(err, &letter) {
			dead++
		} else if err != nil {
			return dead, err
		}
		bar.Add(1)
	}
	return dead, AwaitGold(ctx, l)
}

// awaitEntry waits until the ledger knows an object.
func awaitEntry(ctx context.Context, l *lake.Lake, o event.Object) (lake.Entry, error) {
	for {
		e, ok, err := l.Entry(ctx, string(o.ID()))
		if err != nil {
			return e, errors.Join(err, context.Cause(ctx))
		}
		if ok && e.Outcome == lake.OutcomeDead {
			return e, &DeadLetter{e.Reason}
		}
		if ok && e.Outcome != lake.OutcomeOutdated { // else it is read again
			return e, nil
		}
		if err := Pause(ctx); err != nil {
			return e, err
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// AwaitRun returns when all n events of a replay are in the ledger, and gold has caught up with silver.
func AwaitRun(ctx context.Context, l *lake.Lake, run string, n int, show Show) error {
	bar := show(n, "promoting")
	defer bar.Done()
	for seen := 0; seen < n; {
		now, err := l.CountRun(ctx, run)
		if err != nil {
			return err
		}
		bar.Add(now - seen)
		if seen = now; seen < n {
			if err := Pause(ctx); err != nil {
				return fmt.Errorf("%w (%d of %d events)", err, seen, n)
			}
		}
	}
	return AwaitGold(ctx, l)
}

// AwaitGold returns when gold is computed from silver as it was when AwaitGold was called, or from something newer, and no
// table of gold is rolled back.
func AwaitGold(ctx context.Context, l *lake.Lake) error {
	then, err := l.View(ctx)
	if err != nil {
		return err
	}
	for now := then; behind(then, now); {
		if err := Pause(ctx); err != nil {
			return fmt.Errorf("gold lags behind silver: %w", err)
		}
		if now, err = l.View(ctx); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return nil
}

// behind tells whether gold, as it is now, does not cover silver as it was then.
func behind(then, now *lake.View) bool {
	if promote.RolledBack(now) {
		return true
	}
	for name := range then.Pins.Tables {
		pin, t := now.Pins.Tables[name], then.Tables[name]
		if t == nil {
			continue // it is being made anew
		}
		// By the snapshot while no step has come since: the sequence number of a table that is rolled back is an old one.
		caughtUp := pin.SnapshotID == t.SnapshotID() || now.Pins.Step > then.Pins.Step && pin.Sequence >= t.Sequence()
		if !caughtUp {
			return true
		}
	}
	return false
}

// AwaitCurrent looks for some seconds before it asks silver's writers to wait. They wait no longer than a step of gold may take.
const (
	looking = 3 * time.Second
	waiting = 15 * time.Second
)

// AwaitCurrent returns the lake at an instant at which gold had caught up with silver. While objects arrive without a pause there may
// be none: then silver's writers are asked to wait for a moment. It is an error when ctx ends before there is one.
func AwaitCurrent(ctx context.Context, l *lake.Lake) (view *lake.View, err error) {
	look := func(patience time.Duration) error {
		some, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		view, err = awaitCurrent(some, l)
		return err
	}
	if look(looking) == nil || ctx.Err() != nil {
		return view, err
	}
	if err := l.WhileOthersWait(ctx, namespace.Silver, func() error { return look(waiting) }); err == nil {
		return view, nil
	}
	return awaitCurrent(ctx, l)
}

func awaitCurrent(ctx context.Context, l *lake.Lake) (*lake.View, error) {
	for {
		view, err := l.View(ctx)
		if err != nil {
			return nil, errors.Join(err, context.Cause(ctx))
		}
		if view.Current() {
			return view, nil
		}
		if err := Pause(ctx); err != nil {
			return nil, fmt.Errorf("gold lags behind silver: %w", err)
		}
	}
}
