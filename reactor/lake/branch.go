package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// branchTables hold what a branch's commits would have written into the ledger, until the branch is published.
const branchTables = `
CREATE TABLE IF NOT EXISTS millrace_branches (
	name TEXT PRIMARY KEY,
	run TEXT NOT NULL,
	ready BOOLEAN NOT NULL,
	made_us BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS millrace_staged (
	branch TEXT NOT NULL,
	event_id TEXT NOT NULL,
	` + entryTypes + `,
	PRIMARY KEY (branch, event_id)
)`

// branch is what makes a Lake one of a branch: its views show the branch as if it were main, and its commits go there.
type branch struct {
	name string

	mu   sync.Mutex
	pins Pins // of the branch's gold; nobody else commits to it
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

// propertyPrefix is for a property of a table in a branch's snapshot, where it waits until the snapshot is main's: properties
// are those of a table and not of a branch.
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

// Branch makes a branch of all tables where main is now, and gives the lake as that branch shows it, for commits of one
// process. run is the replay that it is for. The lake shares its catalog with l, which must stay open.
func (l *Lake) Branch(ctx context.Context, name, run string) (*Lake, error) {
	if err := CheckRefName(name); err != nil {
		return nil, err
	}
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	var heads []pointing
	for _, t := range view.Tables {
		if _, taken := t.ref(name); taken {
			return nil, fmt.Errorf("%w, or a tag: %s of %s", ErrBranchExists, name, t.Name)
		}
		if s := t.Snapshot(); s != nil {
			heads = append(heads, pointing{t, []table.Update{table.NewSetSnapshotRefUpdate(name, s.SnapshotID, table.BranchRef, 0, 0, 0)}})
		}
	}
	err = l.pointAll(ctx, heads, func(tx *Tx) error {
		n, err := tx.exec(ctx, `INSERT INTO millrace_branches (name, run, ready, made_us) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, name, run, false, time.Now().UnixMicro())
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: %s", ErrBranchExists, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Lake{root: l.root, store: l.store, catalog: l.catalog, plans: l.plans, loaded: map[string]*Table{}, branch: &branch{name: name, pins: view.Pins}}, nil
}

// onBranch is the table as a branch shows it: main is where the branch is.
func (t *Table) onBranch(name string) (*Table, error) {
	head, there := t.ref(name)
	shown := &Table{Name: t.Name, Location: t.Location, Meta: t.Meta, store: t.store, trunk: t}
	var update table.Update
	switch {
	case there:
		update = table.NewSetSnapshotRefUpdate(Main, head.SnapshotID, table.BranchRef, 0, 0, 0)
	case t.Snapshot() == nil:
		return shown, nil
	default: // it had no rows when the branch was made
		update = table.NewRemoveSnapshotRefUpdate(Main)
	}
	var err error
	if shown.Meta, err = table.UpdateTableMetadata(t.Meta, []table.Update{update}, ""); err != nil {
		return nil, fmt.Errorf("show branch %s of %s: %w", name, t.Name, err)
	}
	return shown, nil
}

// show is the table as the lake shows it.
func (l *Lake) show(t *Table) (*Table, error) {
	if l.branch == nil {
		return t, nil
	}
	return t.onBranch(l.branch.name)
}

// divert turns a change of what a branch shows into one of the table itself.
func (b *branch) divert(c Change) (Change, error) {
	if c.Base.Snapshot() == nil && c.Base.trunk.Snapshot() != nil {
		return c, fmt.Errorf("%w: %s had no rows then", ErrMoved, c.Base.Name)
	}
	if c.Evolve != nil {
		return c, fmt.Errorf("%s would get other columns, which a table has in all its branches alike: change it on main", c.Base.Name)
	}
	summary := iceberg.Properties{}
	maps.Copy(summary, c.Summary)
	for k, v := range c.Properties {
		summary[propertyPrefix+k] = v
	}
	c.Base, c.Summary, c.Properties = c.Base.trunk, summary, nil
	return c, nil
}

// stage writes entries of a branch.
func (t *Tx) stage(ctx context.Context, entries []Entry) error {
	for _, e := range entries {
		_, err := t.exec(ctx, `INSERT INTO millrace_staged (branch, `+ledgerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (branch, event_id) `+replaceEntry, append([]any{t.branch.name}, e.values()...)...)
		if err != nil {
			return fmt.Errorf("record event of %s in branch %s: %w", e.SourceKey, t.branch.name, err)
		}
	}
	return nil
}

// BranchReady says that everything that a branch is for is in it: from now on it can be published.
func (l *Lake) BranchReady(ctx context.Context, name string) error {
	return l.catalog.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, `UPDATE millrace_branches SET ready = ? WHERE name = ?`, true, name)
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: %s", ErrNoBranch, name)
		}
		return err
	})
}

// BranchInfo is what is known of a branch.
type BranchInfo struct {
	Name   string
	Run    string
	Ready  bool
	Made   time.Time
	Events int      // worked on
	Dead   int      // of those, that cannot be read
	Moved  []string // tables that have commits on main which the branch does not have
}

// Branches lists the branches of replays, by name.
func (l *Lake) Branches(ctx context.Context) ([]BranchInfo, error) {
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := l.catalog.db.QueryContext(ctx, `SELECT name, b.run, ready, made_us, count(s.event_id), count(CASE WHEN s.outcome = 'dead' THEN 1 END)
		FROM millrace_branches AS b LEFT JOIN millrace_staged AS s ON s.branch = b.name GROUP BY name, b.run, ready, made_us ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("read branches: %w", err)
	}
	var all []BranchInfo
	for rows.Next() {
		var b BranchInfo
		var us int64
		if err := rows.Scan(&b.Name, &b.Run, &b.Ready, &us, &b.Events, &b.Dead); err != nil {
			return nil, errors.Join(fmt.Errorf("read branches: %w", err), rows.Close())
		}
		b.Made = time.UnixMicro(us).UTC()
		for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
			shown, err := view.Tables[name].onBranch(b.Name)
			if err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			if !shown.descends() {
				b.Moved = append(b.Moved, name)
			}
		}
		all = append(all, b)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read branches: %w", err)
	}
	return all, nil
}

// descends tells whether what a branch shows of a table was made from what main is now.
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

// ancestry is the current snapshot, the one that it was made from, and so on as far as they are kept.
func (t *Table) ancestry() iter.Seq[*table.Snapshot] {
	return func(yield func(*table.Snapshot) bool) {
		for s := t.Snapshot(); s != nil && yield(s) && s.ParentSnapshotID != nil; {
			s = t.Meta.SnapshotByID(*s.ParentSnapshotID)
		}
	}
}

// Staged calls f for each event that a branch has worked on, until f fails.
func (l *Lake) Staged(ctx context.Context, name string, f func(Entry) error) error {
	return l.eachEntry(ctx, f, `millrace_staged WHERE branch = ? ORDER BY event_id`, name)
}

// Publish makes main what a branch is, in all tables, with the ledger and the pins, in one transaction, and takes the branch
// away. Where main has moved on meanwhile it is ErrMoved, and nothing happens; ErrConflict is for the moment only.
func (l *Lake) Publish(ctx context.Context, name string) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	var ready bool
	err = l.catalog.db.QueryRowContext(ctx, l.catalog.bind(`SELECT ready FROM millrace_branches WHERE name = ?`), name).Scan(&ready)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%w: %s", ErrNoBranch, name)
	case err != nil:
		return fmt.Errorf("read branch %s: %w", name, err)
	case !ready:
		return fmt.Errorf("%w: %s", ErrNotReady, name)
	}
	var forwards []pointing
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
			forwards = append(forwards, pointing{t, updates})
		}
		if _, pinned := pins.Tables[t.Name]; pinned {
			pins.Tables[t.Name] = Pin{SnapshotID: shown.SnapshotID(), Sequence: shown.Sequence()}
		}
	}
	if len(moved) > 0 {
		slices.Sort(moved)
		return fmt.Errorf("%w: %s", ErrMoved, strings.Join(moved, ", "))
	}
	return l.pointAll(ctx, forwards, func(tx *Tx) error {
		if _, err := tx.exec(ctx, `INSERT INTO millrace_ledger (`+ledgerColumns+`) SELECT `+ledgerColumns+` FROM millrace_staged WHERE branch = ?
			ON CONFLICT (event_id) `+replaceEntry, name); err != nil {
			return fmt.Errorf("publish the ledger of branch %s: %w", name, err)
		}
		return errors.Join(tx.endBranch(ctx, name), tx.Pin(ctx, pins, time.Now()))
	})
}

// forward are the updates that make main what the branch shows, with the properties that wait in its snapshots.
func (t *Table) forward() []table.Update {
	head := t.Snapshot()
	if head == nil || head.SnapshotID == t.trunk.SnapshotID() {
		return nil
	}
	properties := iceberg.Properties{}
	for s := range t.ancestry() {
		if s.SnapshotID == t.trunk.SnapshotID() {
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
	updates := []table.Update{table.NewSetSnapshotRefUpdate(Main, head.SnapshotID, table.BranchRef, 0, 0, 0)}
	if len(properties) > 0 {
		updates = append(updates, table.NewSetPropertiesUpdate(properties))
	}
	return updates
}

// end are the updates that take a branch off a table.
func (t *Table) end(branch string) []table.Update {
	if to, ok := t.ref(branch); !ok || to.SnapshotRefType != table.BranchRef {
		return nil
	}
	return []table.Update{table.NewRemoveSnapshotRefUpdate(branch)}
}

// endBranch takes what the database holds of a branch.
func (t *Tx) endBranch(ctx context.Context, name string) error {
	_, staged := t.exec(ctx, `DELETE FROM millrace_staged WHERE branch = ?`, name)
	_, row := t.exec(ctx, `DELETE FROM millrace_branches WHERE name = ?`, name)
	return errors.Join(staged, row)
}

// DropBranch takes a branch away from all tables; what only it had expires in its turn.
func (l *Lake) DropBranch(ctx context.Context, name string) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	var ends []pointing
	for _, t := range view.Tables {
		if end := t.end(name); end != nil {
			ends = append(ends, pointing{t, end})
		}
	}
	return l.pointAll(ctx, ends, func(tx *Tx) error { return tx.endBranch(ctx, name) })
}
