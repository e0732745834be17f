package branch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
)

// refreshes is how often a branch is made anew because main has moved on: each time less can have come meanwhile.
const refreshes = 5

// Publish makes main what a branch is. Where main has moved on, refresh, when not nil, makes the branch anew, from the same
// objects; without it that is an error.
func Publish(ctx context.Context, l *lake.Lake, name string, refresh func(context.Context) error) (lake.BranchInfo, error) {
	for attempt := 0; ; attempt++ {
		b, err := Find(ctx, l, name)
		if err != nil {
			return b, err
		}
		err = lake.Patient.Do(ctx, func() error { return l.Publish(ctx, name) })
		if err == nil || !errors.Is(err, lake.ErrMoved) {
			return b, err
		}
		if refresh == nil || attempt == refreshes {
			return b, fmt.Errorf("%w; `reactor publish %s --refresh` promotes the same objects onto main as it is now, and publishes that", err, name)
		}
		slog.Info("main has moved on: the branch is made anew", "branch", name)
		if err := refresh(ctx); err != nil {
			return b, err
		}
	}
}

// Refresh makes a branch anew, from the objects that it was made of.
func (r *Replay) Refresh(ctx context.Context, name string) error {
	wanted := map[event.ID]bool{}
	if err := r.Lake.Staged(ctx, name, func(e lake.Entry) error { wanted[event.ID(e.EventID)] = true; return nil }); err != nil {
		return err
	}
	objects := chosen(reconcile.Objects(ctx, r.Bucket, ""), wanted)
	if err := Drop(ctx, r.Lake, name); err != nil {
		return err
	}
	_, err := r.Onto(ctx, name, objects)
	return err
}

// chosen gives those of the objects that are wanted.
func chosen(all iter.Seq2[event.Object, error], wanted map[event.ID]bool) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		for o, err := range all {
			if err == nil && !wanted[o.ID()] {
				continue
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// Drop takes a branch away.
func Drop(ctx context.Context, l *lake.Lake, name string) error {
	if _, err := Find(ctx, l, name); err != nil {
		return err
	}
	return lake.Patient.Do(ctx, func() error { return l.DropBranch(ctx, name) })
}

// Find finds a branch by its name.
func Find(ctx context.Context, l *lake.Lake, name string) (lake.BranchInfo, error) {
	all, err := l.Branches(ctx)
	if err != nil {
		return lake.BranchInfo{}, err
	}
	for _, b := range all {
		if b.Name == name {
			return b, nil
		}
	}
	return lake.BranchInfo{}, fmt.Errorf("%w: %s; `reactor publish` lists those there are", lake.ErrNoBranch, name)
}
