package branch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/query"
	"millrace/reactor/rows"
	"millrace/reactor/tables"
)

// Covered is an object that another engine has brought onto a branch.
type Covered struct {
	event.Object
	Dead string // why it cannot be read; "" if its rows are there
}

// Settled tells how gold on a branch differed from what this program computes.
type Settled struct {
	Table string
	// Rows are those whose doubles differed in their last bits; they are written anew.
	Rows int
	// Worst is the greatest difference, as a part of the value.
	Worst float64
	// Columns has, by column of doubles, in how many rows its bits differed.
	Columns map[string]int
}

// Where says in how many rows the bits of which column differed, as "avg_price 12, sma_7 3".
func (s Settled) Where() string {
	var parts []string
	for _, column := range slices.Sorted(maps.Keys(s.Columns)) {
		parts = append(parts, fmt.Sprintf("%s %d", column, s.Columns[column]))
	}
	return strings.Join(parts, ", ")
}

const (
	// settledRelative and settledAbsolute bound how far a double of another engine may be off. Logarithms and sums differ by some
	// 10^-16 of themselves; where nearly equal numbers are subtracted, by some 10^-16 of these. More is another formula.
	settledRelative, settledAbsolute = 1e-9, 1e-12
	// adoptBatch is how many objects one transaction notes.
	adoptBatch = 5000
)

// Adopt takes note of what another engine has written onto a branch that Stage made, so that it can be published: the ledger entry of
// each object, and gold as this program computes it from the branch's silver. Two engines' doubles differ in their last bits, and a
// table must not depend on which engine wrote it, so rows that differ there are written anew. A row that differs in anything else is
// an error, and so is a table that another run has written.
func (r *Replay) Adopt(ctx context.Context, name string, objects iter.Seq2[Covered, error]) (covered int, settled []Settled, err error) {
	b, err := Find(ctx, r.Lake, name)
	if err != nil {
		return 0, nil, err
	}
	on, err := r.Lake.OnBranch(ctx, name)
	if err != nil {
		return 0, nil, err
	}
	view, err := on.View(ctx)
	if err != nil {
		return 0, nil, err
	}
	if err := written(view, b.Run); err != nil {
		return 0, nil, err
	}
	if covered, err = r.note(ctx, on, view, b.Run, objects); err != nil {
		return covered, nil, err
	}
	if settled, err = r.settle(ctx, on, view, b.Run); err != nil {
		return covered, settled, fmt.Errorf("gold on branch %s: %w", name, err)
	}
	return covered, settled, r.Lake.BranchReady(ctx, name)
}

// written fails if a table of silver was changed on the branch by anybody but its run.
func written(view *lake.View, run string) error {
	for _, name := range append(tables.Silver(), tables.Rejected) {
		t, err := view.Table(name)
		if err != nil {
			return err
		}
		s := t.Snapshot()
		if s != nil && !t.OfMain(s) && lake.RunOf(s) != run {
			return fmt.Errorf("%s was written on the branch by %s, not by run %s: drop the branch and begin anew", name, lake.MadeBy(s), run)
		}
	}
	return nil
}

// note writes the ledger entries of the objects, for the time when the branch is published. It leaves out dead ones that the ledger
// does not know: no dead letter tells of them yet, and the reactor writes one when it comes to them.
func (r *Replay) note(ctx context.Context, on *lake.Lake, view *lake.View, run string, objects iter.Seq2[Covered, error]) (n int, err error) {
	now := time.Now()
	var entries []lake.Entry
	var dead []string
	for o, err := range objects {
		if err != nil {
			return n, err
		}
		d, _, ok := tables.DatasetOf(o.Object)
		if !ok {
			return n, fmt.Errorf("take note of %s: no dataset takes it", o.Key)
		}
		t := view.Tables[d.TableName()]
		if lake.RunOf(t.Snapshot()) != run {
			return n, fmt.Errorf("take note of %s: run %s has not written %s on the branch", o.Key, run, t.Name)
		}
		e := lake.Entry{
			EventID: string(o.ID()), Table: d.Table, SourceKey: o.Key, SourceVersion: o.Version, ModifiedAt: o.ModifiedAt,
			Outcome: lake.OutcomeDone, Run: run, At: now, SnapshotID: t.SnapshotID(), Sequence: t.Sequence(),
		}
		if o.Dead != "" {
			e.Outcome, e.Reason = lake.OutcomeDead, o.Dead
			dead = append(dead, e.EventID)
		}
		entries = append(entries, e)
	}
	known, err := on.Known(ctx, dead)
	if err != nil {
		return n, err
	}
	entries = slices.DeleteFunc(entries, func(e lake.Entry) bool { return e.Outcome == lake.OutcomeDead && !known[e.EventID] })
	bar := r.Show(len(entries), "taking note of objects")
	defer bar.Done()
	for some := range slices.Chunk(entries, adoptBatch) {
		if err := on.Record(ctx, some...); err != nil {
			return n, err
		}
		n += len(some)
		bar.Add(len(some))
	}
	return n, nil
}

// settle computes gold from the branch's silver and writes the rows that differ from the engine's.
func (r *Replay) settle(ctx context.Context, on *lake.Lake, before *lake.View, run string) ([]Settled, error) {
	bar := r.Show(-1, "computing gold")
	defer bar.Done()
	names := make([]string, len(r.Models.Models))
	for i, m := range r.Models.Models {
		names[i] = m.Name
	}
	err := duck.Temporary(r.Memory, func(db *duck.DB) error {
		g, err := promote.NewGold(promote.Config{Lake: on, Client: r.Bucket.Client, DB: db, Cache: rows.New(on), Limits: r.Limits}, r.Models)
		if err != nil {
			return err
		}
		defer g.Close()
		return g.Mend(ctx, names, iceberg.Properties{lake.RunProperty: run, "millrace.why": "the last bits of doubles"})
	})
	if err != nil {
		return nil, err
	}
	after, err := on.View(ctx)
	if err != nil {
		return nil, err
	}
	var all []Settled
	err = duck.TemporaryConn(r.Memory, func(conn *duck.Conn) error {
		for _, m := range r.Models.Models {
			if s := before.Tables[m.Name].Snapshot(); s == nil || lake.RunOf(s) != run {
				continue // the engine has left the table to this program
			}
			one, err := r.lastBits(ctx, conn, after.Tables[m.Name], before.Tables[m.Name].Snapshot(), m)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// errOther says that a row of gold is not what this program computes, and not for the last bits of a double.
var errOther = errors.New("it is not what this program computes from the branch's silver")

// lastBits compares a table as the engine wrote it, which is from, with what it is now.
func (r *Replay) lastBits(ctx context.Context, conn *duck.Conn, t *lake.Table, from *table.Snapshot, m *gold.Model) (Settled, error) {
	s := Settled{Table: m.Name, Columns: map[string]int{}}
	difference := query.Difference{Lake: r.Lake, Table: t, From: from, To: t.Snapshot(), Show: r.Show}
	columns := difference.Columns()
	err := difference.Each(ctx, conn, func(changes iter.Seq2[query.Change, error]) error {
		for c, err := range changes {
			if err != nil {
				return err
			}
			if c.How != query.Updated {
				return fmt.Errorf("%s: row %v was %s: %w", m.Name, c.Row, c.How, errOther)
			}
			s.Rows++
			for column, old := range c.Old {
				now := c.Row[slices.Index(columns, column)]
				off, near := apart(old, now)
				if !near {
					return fmt.Errorf("%s: row %v had %s %v, must have %v: %w", m.Name, c.Row, column, old, now, errOther)
				}
				s.Worst = max(s.Worst, off)
				s.Columns[column]++
			}
		}
		return nil
	})
	return s, err
}

// apart tells how far two doubles are from each other, as a part of the greater; near is false for what is no double, and for
// doubles that differ in more than their last bits.
func apart(a, b any) (off float64, near bool) {
	x, okX := a.(float64)
	y, okY := b.(float64)
	if !okX || !okY {
		return 0, false
	}
	by := math.Abs(x - y)
	if by == 0 { // 0 and -0
		return 0, true
	}
	off = by / max(math.Abs(x), math.Abs(y))
	return off, off <= settledRelative || by <= settledAbsolute
}
