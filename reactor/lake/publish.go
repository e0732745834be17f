package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Publish makes the branch main in all tables, in one transaction with the ledger and the pins, and takes the branch away. If main
// has commits that the branch does not have, it changes nothing and returns ErrMoved. After ErrConflict, try again.
func (l *Lake) Publish(ctx context.Context, name string) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	if err := l.isReady(ctx, name); err != nil {
		return err
	}
	var forwards []refChange
	var moved []string
	pins := Pins{Step: view.Pins.Step + 1, Tables: maps.Clone(view.Pins.Tables)}
	for _, t := range view.Tables {
		shown, err := t.onBranch(name)
		if err != nil {
			return err
		}
		if !shown.descends() {
			moved = append(moved, t.Name)
			continue
		}
		if updates := append(shown.forward(), t.end(name)...); len(updates) > 0 {
			forwards = append(forwards, refChange{t, updates})
		}
		if _, pinned := pins.Tables[t.Name]; pinned {
			pins.Tables[t.Name] = Pin{SnapshotID: shown.SnapshotID(), Sequence: shown.Sequence()}
		}
	}
	if len(moved) > 0 {
		slices.Sort(moved)
		return fmt.Errorf("%w: %s", ErrMoved, strings.Join(moved, ", "))
	}
	return l.changeRefs(ctx, forwards, func(tx *Tx) error {
		if err := tx.publishLedger(ctx, name); err != nil {
			return err
		}
		return errors.Join(tx.endBranch(ctx, name), tx.Pin(ctx, pins, time.Now()))
	})
}

// forward returns the updates that make main what the branch shows, with the properties that wait in its snapshots.
func (t *Table) forward() []table.Update {
	head := t.Snapshot()
	if head == nil || head.SnapshotID == t.trunk.SnapshotID() {
		return nil
	}
	properties := t.waiting()
	updates := []table.Update{table.NewSetSnapshotRefUpdate(Main, head.SnapshotID, table.BranchRef, 0, 0, 0)}
	if len(properties) > 0 {
		updates = append(updates, table.NewSetPropertiesUpdate(properties))
	}
	return updates
}

// waiting returns the properties that wait in the snapshots of a branch, those that main does not have.
func (t *Table) waiting() iceberg.Properties {
	main := map[int64]bool{}
	for s := range t.trunk.ancestry() {
		main[s.SnapshotID] = true
	}
	properties := iceberg.Properties{}
	for s := range t.ancestry() {
		if main[s.SnapshotID] {
			break
		}
		if s.Summary == nil {
			continue
		}
		for k, v := range s.Summary.Properties {
			k, set := strings.CutPrefix(k, propertyPrefix)
			if _, later := properties[k]; set && !later {
				properties[k] = v
			}
		}
	}
	return properties
}

// Waiting returns, by table, the properties that the tables get when a branch becomes main.
func (l *Lake) Waiting(ctx context.Context, name string) (map[string]iceberg.Properties, error) {
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]iceberg.Properties{}
	for _, t := range view.Tables {
		shown, err := t.onBranch(name)
		if err != nil {
			return nil, err
		}
		if shown.Snapshot() != nil {
			all[t.Name] = shown.waiting()
		}
	}
	return all, nil
}

// end returns the updates that take a branch off a table.
func (t *Table) end(branch string) []table.Update {
	if to, ok := t.ref(branch); !ok || to.SnapshotRefType != table.BranchRef {
		return nil
	}
	return []table.Update{table.NewRemoveSnapshotRefUpdate(branch)}
}

// descends tells whether the table as a branch shows it was made from what main is now.
func (t *Table) descends() bool {
	main := t.trunk.Snapshot()
	if main == nil {
		return true
	}
	for s := range t.ancestry() {
		if s.SnapshotID == main.SnapshotID {
			return true
		}
	}
	return false
}

// ancestry goes from the current snapshot to the one that it was made from, and so on, as far as snapshots are kept.
func (t *Table) ancestry() iter.Seq[*table.Snapshot] {
	return func(yield func(*table.Snapshot) bool) {
		for s := t.Snapshot(); s != nil && yield(s) && s.ParentSnapshotID != nil; {
			s = t.Meta.SnapshotByID(*s.ParentSnapshotID)
		}
	}
}
