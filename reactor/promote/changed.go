package promote

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// change tells the planner what has happened to silver since the pins, and which days all tables have.
func (g *Gold) change(ctx context.Context, view *lake.View, set *gold.Set, rebuild map[string]bool) (plan.Change, error) {
	ctx, end := tracing.Span(ctx, "what changed")
	defer end()
	c := plan.Change{Changed: map[string]plan.Days{}, Present: map[string]plan.Range{}, Rebuild: rebuild}
	for _, in := range set.Inputs {
		t, err := view.Table(in.Name)
		if err != nil {
			return c, err
		}
		days, ok, err := g.extent(ctx, t, gold.SilverTime)
		if err != nil {
			return c, err
		}
		if ok {
			c.Present[in.Name] = days
		}
		if c.Changed[in.Name], err = g.changedDays(ctx, t, view.Pins.Tables[in.Name]); err != nil {
			return c, err
		}
	}
	for _, m := range set.Models {
		days, ok, err := g.extent(ctx, view.Tables[m.Name], gold.Day)
		if err != nil {
			return c, err
		}
		if ok {
			c.Present[m.Name] = days
		}
	}
	return c, nil
}

// extent remembers which days a table had rows of in a snapshot.
type extent struct {
	snapshot int64
	days     plan.Range
	ok       bool // false: it has no rows
}

// extent returns the first and last day that a table has rows of, from the bounds of its files. A file without bounds makes
// it wider. The result is kept and only widened by new files: reading all files at each step would cost more with every file.
func (g *Gold) extent(ctx context.Context, t *lake.Table, column string) (plan.Range, bool, error) {
	if t == nil || t.Snapshot() == nil {
		return plan.Range{}, false, nil
	}
	e := g.extents[t.Name]
	if e.snapshot == t.SnapshotID() {
		return e.days, e.ok, nil
	}
	var files []lake.File
	var err error
	if before := t.Meta.SnapshotByID(e.snapshot); before != nil {
		files, _, err = g.cfg.Lake.Diff(ctx, t, before, t.Snapshot())
	} else {
		e = extent{}
		files, err = g.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	}
	if err != nil {
		return plan.Range{}, false, err
	}
	e.snapshot = t.SnapshotID()
	for _, f := range files {
		r := days(t, f, column)
		if !e.ok {
			e.days, e.ok = r, true
		}
		e.days.From, e.days.To = min(e.days.From, r.From), max(e.days.To, r.To)
	}
	g.extents[t.Name] = e
	return e.days, e.ok, nil
}

// widest stands for a file without bounds. No table has so many days, and arithmetic on days does not overflow.
var widest = plan.Range{From: 0, To: 1 << 16}

// days returns the first and last day in a file, from its bounds of a column of times or dates.
func days(t *lake.Table, f lake.File, column string) plan.Range {
	field, ok := t.Column(column)
	if !ok {
		return widest
	}
	lo, hi, ok := f.Ints(field)
	if !ok {
		return widest
	}
	if !field.Type.Equals(iceberg.PrimitiveTypes.Date) {
		const microseconds = 24 * 60 * 60 * 1_000_000
		lo, hi = floorDiv(lo, microseconds), floorDiv(hi, microseconds)
	}
	return plan.Range{From: plan.Day(lo), To: plan.Day(hi)}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// changedDays returns the days whose rows differ between the pinned snapshot of a silver table and the current one. It compares
// rows, not files: a file that compaction or a neighbouring row's change rewrote holds the same rows and changes no day.
func (g *Gold) changedDays(ctx context.Context, t *lake.Table, pin lake.Pin) (plan.Days, error) {
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
	added, removed, err := g.cfg.Lake.Diff(ctx, t, from, t.Snapshot())
	if err != nil {
		return plan.Days{}, err
	}
	hold := func(files []lake.File) (*rows.Held, error) { return g.cfg.Cache.Hold(ctx, g.conn, t, files) }
	if len(removed) == 0 {
		hold = func(files []lake.File) (*rows.Held, error) { return g.rowsOf(ctx, t, files) }
	}
	came, err := hold(added)
	if err != nil {
		return plan.Days{}, err
	}
	defer came.Release()
	sql := came.Relation
	if len(removed) > 0 {
		went, err := hold(removed)
		if err != nil {
			return plan.Days{}, err
		}
		defer went.Release()
		sql = duck.DifferenceSQL(lake.ColumnNames(t.Meta.CurrentSchema()), "("+came.Relation+")", "("+went.Relation+")")
	}
	numbers, err := g.conn.Ints(ctx, fmt.Sprintf("select distinct %s - date '1970-01-01' from (%s)", gold.SilverDay, sql))
	if err != nil {
		return plan.Days{}, fmt.Errorf("find the changed days of %s: %w", t.Name, err)
	}
	changed := make([]plan.Day, len(numbers))
	for i, n := range numbers {
		changed[i] = plan.Day(n)
	}
	return plan.Only(changed...), nil
}
