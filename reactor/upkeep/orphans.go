package upkeep

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"millrace/reactor/lake"
)

// Tidy looks through all tables for objects that no snapshot needs, and removes them.
type Tidy struct {
	Lake *lake.Lake
	// OlderThan is the age from which on such an object is removed. A commit or a query that takes longer than this loses
	// files under its hands.
	OlderThan time.Duration
	// Abandoned removes them also where object storage holds later metadata than the catalog names.
	Abandoned bool
	// DryRun removes nothing.
	DryRun bool
}

// Condition is the state of one table after Run, and what was found there.
type Condition struct {
	Table                       string
	Files, Manifests, Snapshots int
	Orphans                     int // removed, or found by a dry run
	OrphanBytes                 int64
}

// Run returns the condition of each table, by name. refused, when not nil, names the tables whose files were left alone
// because the catalog is behind the store (lake.ErrBehind). looked is told of each table that is done.
func (t Tidy) Run(ctx context.Context, looked func()) (all []Condition, refused, err error) {
	view, err := t.Lake.OwnView(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		orphans, err := t.Lake.Orphans(ctx, name)
		if errors.Is(err, lake.ErrBehind) && !t.Abandoned {
			refused = errors.Join(refused, err)
			orphans = nil
		} else if err != nil && !errors.Is(err, lake.ErrBehind) {
			return nil, nil, err
		}
		c, err := t.table(ctx, view.Tables[name], orphans)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, c)
		looked()
	}
	return all, refused, nil
}

// table removes the orphans of one table that are old enough.
func (t Tidy) table(ctx context.Context, of *lake.Table, orphans []lake.Orphan) (Condition, error) {
	c := Condition{Table: of.Name, Snapshots: len(of.Meta.Snapshots())}
	orphans = slices.DeleteFunc(orphans, func(o lake.Orphan) bool { return time.Since(o.ModifiedAt) < t.OlderThan })
	if !t.DryRun {
		if _, err := t.Lake.RemoveOrphans(ctx, orphans); err != nil {
			return c, err
		}
	}
	c.Orphans = len(orphans)
	for _, o := range orphans {
		c.OrphanBytes += o.Bytes
	}
	files, err := t.Lake.Files(ctx, of, of.Snapshot(), lake.AllMonths)
	if err != nil {
		return c, err
	}
	c.Files = len(files)
	c.Manifests, err = t.Lake.Manifests(ctx, of)
	return c, err
}
