package promote

import (
	"context"
	"fmt"
	"slices"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// changedDays returns the days whose rows differ between the pinned snapshot of a silver table and the current one, and maybe others. Where
// files were replaced it compares rows: a file that a neighbouring row's change rewrote holds the same rows and changes no day.
func (g *Gold) changedDays(ctx context.Context, t *lake.Table, pin lake.Pin) (changed plan.Days, err error) {
	if pin.SnapshotID == t.SnapshotID() {
		return plan.Days{}, nil
	}
	from, err := t.SnapshotByID(pin.SnapshotID)
	if err != nil {
		// The pinned snapshot has expired, or the table was made anew. Nothing tells what changed, so every day counts.
		r, ok, err := g.extent(ctx, t, gold.SilverTime)
		if err != nil || !ok {
			return plan.Days{}, err
		}
		return plan.Of(r), nil
	}
	for _, s := range t.Stretches(from) {
		added, removed, err := g.cfg.Lake.Diff(ctx, t, s.From, s.To)
		if err != nil {
			return plan.Days{}, err
		}
		came, replaced := apart(added, removed)
		some, err := g.daysOf(ctx, t, came, lake.IDOf(s.To) == t.SnapshotID())
		if err != nil {
			return plan.Days{}, err
		}
		changed = changed.Union(some)
		for _, r := range replaced {
			if some, err = g.differing(ctx, t, r); err != nil {
				return plan.Days{}, err
			}
			changed = changed.Union(some)
		}
	}
	return changed, nil
}

// replacement is what was done to one piece of time of a table: files that came, and the files that went.
type replacement struct{ added, removed []lake.File }

// apart tells the files of pieces of time in which nothing was replaced from the others, which it returns piece by piece: comparing one needs
// memory for its rows alone. Files that are not all divided alike are one piece.
func apart(added, removed []lake.File) (came []lake.File, replaced []replacement) {
	if len(removed) == 0 {
		return added, nil
	}
	first, _ := removed[0].Slot()
	pieces := map[int]replacement{}
	for i, f := range slices.Concat(added, removed) {
		slot, ok := f.Slot()
		if !ok || !slot.Beside(first) {
			return nil, []replacement{{added, removed}}
		}
		p := pieces[slot.Number]
		if i < len(added) {
			p.added = append(p.added, f)
		} else {
			p.removed = append(p.removed, f)
		}
		pieces[slot.Number] = p
	}
	for _, p := range pieces {
		if len(p.removed) == 0 {
			came = append(came, p.added...)
			continue
		}
		replaced = append(replaced, p)
	}
	return came, replaced
}

// daysOf returns the days of the rows of some files. Those of live files are read, because the models read these rows next; of others, whose
// rows are in new files by now, all days count that their bounds allow.
func (g *Gold) daysOf(ctx context.Context, t *lake.Table, files []lake.File, live bool) (found plan.Days, err error) {
	var read, bounded []lake.File
	for _, f := range files {
		if live || days(t, f, gold.SilverTime) == widest {
			read = append(read, f)
		} else {
			bounded = append(bounded, f)
		}
	}
	found = allDays(t, bounded)
	if len(read) == 0 {
		return found, nil
	}
	h, err := g.rowsOf(ctx, t, read)
	if err != nil {
		return plan.Days{}, err
	}
	defer h.Release()
	more, err := g.distinctDays(ctx, t, h.Relation)
	return found.Union(more), err
}

// differing returns the days of the rows that a replacement changed. If DuckDB has not the memory to compare them, every day counts that the
// files have: what is computed in vain is found equal later, by a table that has a row for each asset and day.
func (g *Gold) differing(ctx context.Context, t *lake.Table, r replacement) (plan.Days, error) {
	var held [2]*rows.Held
	for i, files := range [2][]lake.File{r.added, r.removed} {
		h, err := g.cfg.Cache.Hold(ctx, g.conn, t, files)
		if err != nil {
			return plan.Days{}, err
		}
		defer h.Release()
		held[i] = h
	}
	found, err := g.distinctDays(ctx, t, duck.DifferenceSQL(lake.ColumnNames(t.Meta.CurrentSchema()), "("+held[0].Relation+")", "("+held[1].Relation+")"))
	if !duck.OutOfMemory(err) {
		return found, err
	}
	return allDays(t, slices.Concat(r.added, r.removed)), nil
}

// allDays returns the days that the bounds of files of a silver table allow.
func allDays(t *lake.Table, files []lake.File) plan.Days {
	ranges := make([]plan.Range, len(files))
	for i, f := range files {
		ranges[i] = days(t, f, gold.SilverTime)
	}
	return plan.Of(ranges...)
}

// distinctDays returns the days of a query's rows.
func (g *Gold) distinctDays(ctx context.Context, t *lake.Table, sql string) (plan.Days, error) {
	numbers, err := g.conn.Ints(ctx, fmt.Sprintf("select distinct %s - date '1970-01-01' from (%s)", gold.SilverDay, sql))
	if err != nil {
		return plan.Days{}, fmt.Errorf("find the changed days of %s: %w", t.Name, err)
	}
	found := make([]plan.Day, len(numbers))
	for i, n := range numbers {
		found[i] = plan.Day(n)
	}
	return plan.Only(found...), nil
}
