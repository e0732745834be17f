package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// branch makes a Lake one of a branch: views show the branch as if it were main, and commits go to it.
type branch struct {
	name string

	mu   sync.Mutex
	pins Pins // of the branch's gold, in memory: one process alone commits to a branch
}

func (b *branch) currentPins() Pins {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pins
}

func (b *branch) pin(p Pins) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pins = p
}

// propertyPrefix marks a property of the table in the summary of a branch's snapshot. Properties belong to a table and not to a
// branch, so it waits there until the snapshot is main's.
const propertyPrefix = "millrace.set."

var (
	// ErrBranchExists says that there is a branch of the name.
	ErrBranchExists = errors.New("there is such a branch already")
	// ErrNoBranch says that there is none.
	ErrNoBranch = errors.New("there is no such branch")
	// ErrNotReady says that a branch was not finished.
	ErrNotReady = errors.New("the branch is not complete: what wrote it failed or was stopped")
	// ErrMoved says that main has got commits that a branch does not have.
	ErrMoved = errors.New("main has moved on since the branch was made")
)

// Branch makes a branch of all tables where main is now, and returns the lake as that branch shows it, for commits of one process.
// run names the replay that it is for. The lake shares its catalog with l, which must stay open.
func (l *Lake) Branch(ctx context.Context, name, run string) (*Lake, error) {
	if err := CheckRefName(name); err != nil {
		return nil, err
	}
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	var heads []refChange
	for _, t := range view.Tables {
		if _, taken := t.ref(name); taken {
			return nil, fmt.Errorf("%w, or a tag: %s of %s; `reactor publish %s --drop` takes a branch away, `reactor tag %s %s --drop` a tag", ErrBranchExists, name, t.Name, name, t.Name, name)
		}
		if s := t.Snapshot(); s != nil {
			heads = append(heads, refChange{t, []table.Update{table.NewSetSnapshotRefUpdate(name, s.SnapshotID, table.BranchRef, 0, 0, 0)}})
		}
	}
	err = l.changeRefs(ctx, heads, func(tx *Tx) error {
		return tx.beginBranch(ctx, name, run, time.Now())
	})
	if err != nil {
		return nil, err
	}
	return l.asBranch(name, view.Pins), nil
}

// OnBranch returns the lake as a branch shows it that another process has written to, for commits of one process. Its gold counts as
// computed from main's silver: the step that made it is not known.
func (l *Lake) OnBranch(ctx context.Context, name string) (*Lake, error) {
	there, err := l.catalog.db.NewSelect().Model((*branchRow)(nil)).Where("name = ?", name).Exists(ctx)
	if err != nil {
		return nil, fmt.Errorf("open branch %s: %w", name, err)
	}
	if !there {
		return nil, fmt.Errorf("open branch %s: %w", name, ErrNoBranch)
	}
	p, err := l.Pins(ctx)
	if err != nil {
		return nil, err
	}
	return l.asBranch(name, p), nil
}

// asBranch is the lake as a branch shows it.
func (l *Lake) asBranch(name string, p Pins) *Lake {
	return &Lake{root: l.root, store: l.store, catalog: l.catalog, plans: l.plans, loaded: map[string]*Table{}, passed: map[string]string{}, branch: &branch{name: name, pins: p}}
}

// OfMain tells whether a snapshot of a table, as a branch shows it, is main's current one: the branch has not changed the table.
func (t *Table) OfMain(s *table.Snapshot) bool {
	return t.trunk != nil && t.trunk.SnapshotID() == s.SnapshotID
}

// onBranch returns the table as a branch shows it: main is where the branch is.
func (t *Table) onBranch(name string) (*Table, error) {
	head, there := t.ref(name)
	shown := &Table{Name: t.Name, Location: t.Location, Meta: t.Meta, store: t.store, trunk: t}
	var update table.Update
	switch {
	case there:
		update = table.NewSetSnapshotRefUpdate(Main, head.SnapshotID, table.BranchRef, 0, 0, 0)
	case t.Snapshot() == nil:
		return shown, nil
	default: // the table had no rows when the branch was made
		update = table.NewRemoveSnapshotRefUpdate(Main)
	}
	var err error
	if shown.Meta, err = table.UpdateTableMetadata(t.Meta, []table.Update{update}, ""); err != nil {
		return nil, fmt.Errorf("show branch %s of %s: %w", name, t.Name, err)
	}
	return shown, nil
}

// show returns the table as the lake shows it.
func (l *Lake) show(t *Table) (*Table, error) {
	if l.branch == nil {
		return t, nil
	}
	return t.onBranch(l.branch.name)
}

// divert turns a change of a table as the branch shows it into a change of the table itself.
func (b *branch) divert(c Change) (Change, error) {
	if c.Base.Snapshot() == nil && c.Base.trunk.Snapshot() != nil {
		return c, fmt.Errorf("%w: %s had no rows then", ErrMoved, c.Base.Name)
	}
	if c.Evolve != nil || c.Partition != nil {
		return c, fmt.Errorf("%s would get other columns or partitions, and a table has the same ones in all its branches: change it on main", c.Base.Name)
	}
	summary := iceberg.Properties{}
	maps.Copy(summary, c.Summary)
	for k, v := range c.Properties {
		summary[propertyPrefix+k] = v
	}
	c.Base, c.Summary, c.Properties = c.Base.trunk, summary, nil
	return c, nil
}

// DropBranch takes a branch away from all tables. Snapshots that only the branch had expire in their turn.
func (l *Lake) DropBranch(ctx context.Context, name string) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	var ends []refChange
	for _, t := range view.Tables {
		if end := t.end(name); end != nil {
			ends = append(ends, refChange{t, end})
		}
	}
	return l.changeRefs(ctx, ends, func(tx *Tx) error { return tx.endBranch(ctx, name) })
}
