package branch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

// refreshes is how often a branch is made anew because main has moved on: each time less can have come meanwhile.
const refreshes = 5

// Publish makes main what a branch is. Where main has moved on, refresh, when not nil, makes the branch anew, from the same
// objects; without it that is an error. alone returns an error if a reactor runs.
func Publish(ctx context.Context, l *lake.Lake, name string, alone, refresh func(context.Context) error) (lake.BranchInfo, error) {
	for attempt := 0; ; attempt++ {
		b, err := Find(ctx, l, name)
		if err != nil {
			return b, err
		}
		if err := lasts(ctx, l, name, alone); err != nil {
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

// lasts returns an error if a reactor would undo the publication: it runs, and its models are not those of the branch. It computed a
// table by its own, old model again 0.65 s after the publication of a new one.
func lasts(ctx context.Context, l *lake.Lake, name string, alone func(context.Context) error) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	waiting, err := l.Waiting(ctx, name)
	if err != nil {
		return err
	}
	for name, properties := range waiting {
		if !tables.Redefines(view.Tables[name].Meta, properties) {
			continue
		}
		if err := alone(ctx); errors.Is(err, stream.ErrNotAlone) {
			return fmt.Errorf("publish %s by another definition: %w", name, errOtherDefinition)
		} else if err != nil {
			return err
		}
	}
	replaced := promote.Replaced(view, waiting)
	if len(replaced) == 0 {
		return nil
	}
	err = alone(ctx)
	if errors.Is(err, stream.ErrNotAlone) {
		return fmt.Errorf("publish branch %s: it has %s by another model than the running reactor's, which would compute that by its own again at once. Start the reactor with the models of the branch: it computes the tables itself, and `reactor publish %s --refresh` brings the rest. Or publish while no reactor runs (`stack up --no-reactor`)",
			name, strings.Join(replaced, ", "), name)
	}
	return err
}

// Refresh makes a branch anew, from the objects that it was made of.
func (r *Replay) Refresh(ctx context.Context, name string) error {
	wanted := map[event.ID]bool{}
	if err := r.Lake.Staged(ctx, name, func(e lake.Entry) error { wanted[event.ID(e.EventID)] = true; return nil }); err != nil {
		return err
	}
	objects, err := r.again(ctx, name)
	if err != nil {
		return err
	}
	if objects == nil {
		objects = chosen(reconcile.Objects(ctx, r.Bucket, ""), wanted)
	}
	if err := Drop(ctx, r.Lake, name); err != nil {
		return err
	}
	_, err = r.Onto(ctx, name, objects)
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
