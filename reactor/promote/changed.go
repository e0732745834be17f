package promote

import (
	"context"

	"github.com/apache/iceberg-go"

	"millrace/infra/tracing"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
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
