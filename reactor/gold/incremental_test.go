package gold

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// lakeOf holds silver and gold as a reactor does: gold changes only by computing plans.
type lakeOf struct {
	set  *Set
	conn *duck.Conn
	rows map[string]sample
	gold map[string]plan.Range // the widest range of days that gold may have
}

func (l *lakeOf) samples() []sample {
	var out []sample
	for _, s := range l.rows {
		out = append(out, s) // in the map's random order: order must not matter
	}
	return out
}

// apply changes silver and brings gold to it, from only the rows that the plan reads.
func (l *lakeOf) apply(t *rapid.T, tb testing.TB, put, remove []sample) {
	changed := map[string]plan.Days{}
	touch := func(s sample) { changed[s.table()] = changed[s.table()].Union(plan.Only(s.day())) }
	for _, s := range remove {
		touch(s)
		delete(l.rows, s.id())
	}
	for _, s := range put {
		touch(s)
		l.rows[s.id()] = s
	}
	present := map[string]plan.Range{}
	for name, r := range l.gold {
		present[name] = r
	}
	byTable := map[string][]sample{}
	for _, s := range l.rows {
		byTable[s.table()] = append(byTable[s.table()], s)
	}
	for name, samples := range byTable {
		present[name] = span(samples)
	}
	p, err := l.set.Plan(plan.Change{Changed: changed, Present: present})
	if err != nil {
		t.Fatal(err)
	}
	var seen []sample
	for _, s := range l.samples() {
		if p.Read[s.table()].Contains(s.day()) {
			seen = append(seen, s)
		}
	}
	load(tb, l.conn, seen)
	for _, m := range l.set.Models {
		exec(tb, l.conn, fmt.Sprintf("create or replace table old_gold.%[1]s as select * from kept.%[1]s where %[2]s", m.Table(), p.Read[m.Name].SQL(Day)))
	}
	differs, err := compute(tb, l.set, l.conn, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range l.set.Models {
		days := differs[m.Name]
		if !days.Intersect(p.Write[m.Name]).Equal(days) {
			t.Fatalf("%s: %s differ, of %s written", m.Name, days, p.Write[m.Name])
		}
		if p.Write[m.Name].Empty() {
			continue
		}
		// Take over only the days that differ: the others must be the same.
		exec(tb, l.conn, fmt.Sprintf("delete from kept.%[1]s where %[2]s; insert into kept.%[1]s by name select * from new_gold.%[1]s where %[2]s", m.Table(), days.SQL(Day)))
		hull, _ := p.Write[m.Name].Hull()
		if old, ok := l.gold[m.Name]; ok {
			hull = plan.Range{From: min(old.From, hull.From), To: max(old.To, hull.To)}
		}
		l.gold[m.Name] = hull
	}
}

func TestIncrementalEqualsFullBitForBit(t *testing.T) {
	atMost(t, 4)
	s := loaded(t)
	step := workplace(t, s, duck.Config{Threads: 2})
	full := map[int]*duck.Conn{}
	for _, threads := range []int{1, 2, 4} {
		full[threads] = workplace(t, s, duck.Config{Threads: threads})
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		exec(t, step, "drop schema if exists kept cascade; create schema kept")
		for _, m := range s.Models {
			exec(t, step, m.CreateTable("kept."+m.Table()))
		}
		l := &lakeOf{set: s, conn: step, rows: map[string]sample{}, gold: map[string]plan.Range{}}
		all := randomSamples(r, 3, 420) // longer than the longest lookback
		l.apply(rt, t, all, nil)
		for range rapid.IntRange(1, 3).Draw(rt, "steps") {
			var put, remove []sample
			for range rapid.IntRange(1, 4).Draw(rt, "changes") {
				old := all[r.IntN(len(all))]
				switch r.IntN(5) {
				case 0:
					remove = append(remove, old)
				case 1: // a new day at the end
					old.at = old.at.AddDate(0, 0, 420+r.IntN(3)).Add(time.Minute)
					put = append(put, old)
				case 2: // the whole last day goes away, and gold's too
					_, last := spanOf(l.samples())
					for _, x := range l.samples() {
						if x.day() == last {
							remove = append(remove, x)
						}
					}
				default:
					old.price = fmt.Sprintf("%.9f", r.Float64()*100+1)
					put = append(put, old)
				}
			}
			l.apply(rt, t, put, remove)
		}
		for threads, c := range full {
			load(t, c, l.samples())
			computeAll(t, s, c, span(l.samples()))
			for _, m := range s.Models {
				want, got := dump(t, c, m, "new_gold."+m.Table()), dump(t, step, m, "kept."+m.Table())
				if len(want) != len(got) {
					rt.Fatalf("%s: %d rows by steps, %d by a full run with %d threads", m.Name, len(got), len(want), threads)
				}
				for i := range want {
					if want[i] != got[i] {
						rt.Fatalf("%s with %d threads:\nsteps %s\nfull  %s", m.Name, threads, got[i], want[i])
					}
				}
			}
		}
	})
}

func spanOf(samples []sample) (first, last plan.Day) {
	r := span(samples)
	return r.From, r.To
}

// atMost lowers rapid's number of checks for a test in which each check runs DuckDB for half a second. -rapid.checks on the
// command line still raises it.
func atMost(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	before := f.Value.String()
	if testing.Short() {
		n = max(n, 5) // of which rapid makes a fifth
	}
	if err := f.Value.Set(fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(before) })
}
