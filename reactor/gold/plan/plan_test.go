package plan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDaysAreTextAndBack(t *testing.T) {
	for text, n := range map[string]Day{"1970-01-01": 0, "1969-12-31": -1, "2024-02-29": 19782, "2026-11-23": 20780} {
		d, err := ParseDay(text)
		if err != nil || d != n || d.String() != text {
			t.Errorf("%s: %d %s %v, want %d", text, d, d, err, n)
		}
	}
	for _, bad := range []string{"", "2024-02-30", "2024-1-1", "yesterday"} {
		if d, err := ParseDay(bad); err == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
}

var someDays = rapid.Custom(func(t *rapid.T) Days {
	var rs []Range
	for range rapid.IntRange(0, 4).Draw(t, "ranges") {
		from := Day(rapid.IntRange(0, 40).Draw(t, "from"))
		rs = append(rs, Range{from, from + Day(rapid.IntRange(-2, 6).Draw(t, "length"))})
	}
	return Of(rs...)
})

// members is the simple implementation that the set must agree with.
func members(s Days) map[Day]bool {
	m := map[Day]bool{}
	for d := Day(-20); d < 80; d++ {
		if s.Contains(d) {
			m[d] = true
		}
	}
	return m
}

func TestDaySetsBehaveAsSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someDays.Draw(t, "a"), someDays.Draw(t, "b")
		n := rapid.IntRange(0, 9).Draw(t, "n")
		rs := a.Ranges()
		for i, r := range rs {
			if r.From > r.To || i > 0 && r.From <= rs[i-1].To+1 {
				t.Fatalf("not normal: %v", rs)
			}
		}
		if a.Len() != len(members(a)) || a.Empty() != (a.Len() == 0) || a.Len() != len(slices.Collect(a.All())) {
			t.Fatalf("%s: %d days, counted %d", a, a.Len(), len(members(a)))
		}
		ma, mb := members(a), members(b)
		union, both, later, earlier := members(a.Union(b)), members(a.Intersect(b)), members(a.Later(n)), members(a.Earlier(n))
		for d := Day(-20); d < 80; d++ {
			within := func(lo, hi Day) (is bool) {
				for x := lo; x <= hi; x++ {
					is = is || ma[x]
				}
				return
			}
			if union[d] != (ma[d] || mb[d]) || both[d] != (ma[d] && mb[d]) || later[d] != within(d-Day(n), d) || earlier[d] != within(d, d+Day(n)) {
				t.Fatalf("%s and %s by %d differ at %s", a, b, n, d)
			}
		}
		var joined Days
		for i, c := range a.Chunks(n + 1) {
			if c.Len() > n+1 || c.Empty() || !c.Intersect(joined).Empty() || i > 0 && c.ranges[0].From <= joined.ranges[len(joined.ranges)-1].To {
				t.Fatalf("%s in chunks of %d: %s after %s", a, n+1, c, joined)
			}
			joined = joined.Union(c)
		}
		if !joined.Equal(a) {
			t.Fatalf("%s in chunks: %s", a, joined)
		}
	})
}

func TestSQLOfDays(t *testing.T) {
	for want, s := range map[string]Days{
		"false": {},
		"day between date '1970-01-01' and date '1970-01-03'": Of(Range{0, 2}),
		"day between date '1970-01-01' and date '1970-01-09' and (day between date '1970-01-01' and date '1970-01-03' or day between date '1970-01-09' and date '1970-01-09')": Of(Range{8, 8}, Range{0, 2}),
	} {
		if got := s.SQL("day"); got != want {
			t.Errorf("%s: %s", s, got)
		}
	}
}

// chain is silver.a → x (lookback 0) → y (3) → z (0, and x).
var chain = []Model{
	{"gold.x", []string{"silver.a", "silver.b"}, 0},
	{"gold.y", []string{"gold.x"}, 3},
	{"gold.z", []string{"gold.y", "gold.x"}, 0},
}

func TestPlansWorkedOutByHand(t *testing.T) {
	present := map[string]Range{"silver.a": {0, 20}, "gold.x": {0, 20}, "gold.y": {0, 20}, "gold.z": {0, 20}}
	for _, c := range []struct {
		name        string
		change      Change
		write, read map[string]Days
	}{
		{"nothing", Change{Present: present}, nil, nil},
		{"an old day", Change{Changed: map[string]Days{"silver.a": Only(10)}, Present: present},
			map[string]Days{"gold.x": Only(10), "gold.y": Of(Range{10, 13}), "gold.z": Of(Range{10, 13})},
			map[string]Days{"silver.a": Only(10), "silver.b": Only(10), "gold.x": Of(Range{7, 13}), "gold.y": Of(Range{10, 13}), "gold.z": Of(Range{10, 13})}},
		{"the newest day", Change{Changed: map[string]Days{"silver.a": Only(20)}, Present: present},
			map[string]Days{"gold.x": Only(20), "gold.y": Only(20), "gold.z": Only(20)},
			map[string]Days{"silver.a": Only(20), "silver.b": Only(20), "gold.x": Of(Range{17, 20}), "gold.y": Only(20), "gold.z": Only(20)}},
		{"a day taken away", Change{Changed: map[string]Days{"silver.a": Only(20)}, Present: map[string]Range{"silver.a": {0, 19}, "gold.x": {0, 20}, "gold.y": {0, 20}, "gold.z": {0, 20}}},
			map[string]Days{"gold.x": Only(20), "gold.y": Only(20), "gold.z": Only(20)},
			map[string]Days{"silver.a": Only(20), "silver.b": Only(20), "gold.x": Of(Range{17, 20}), "gold.y": Only(20), "gold.z": Only(20)}},
		{"a changed model", Change{Rebuild: map[string]bool{"gold.y": true}, Present: present},
			map[string]Days{"gold.y": Of(Range{0, 20}), "gold.z": Of(Range{0, 20})},
			map[string]Days{"gold.x": Of(Range{-3, 20}), "gold.y": Of(Range{0, 20}), "gold.z": Of(Range{0, 20})}},
		{"an empty lake", Change{Rebuild: map[string]bool{"gold.x": true}}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Make(chain, c.change)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "write", p.Write, c.write)
			same(t, "read", p.Read, c.read)
			if p.Empty() != (len(c.write) == 0) {
				t.Errorf("empty: %v", p.Empty())
			}
		})
	}
	if _, err := Make([]Model{chain[0], chain[0]}, Change{}); err == nil {
		t.Error("the same model twice went through")
	}
}

func same(t *testing.T, what string, got, want map[string]Days) {
	t.Helper()
	for name := range want {
		if !got[name].Equal(want[name]) {
			t.Errorf("%s %s: %s, want %s", what, name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// The models here are arithmetic: a row of day d is a sum over the inputs' last Lookback+1 days, on days that an input has rows.
// The old rows with the plan's writes on top must equal a full computation.
func TestWhatIsPlannedCoversWhatChanges(t *testing.T) {
	const last = 30
	type table map[Day]int
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"silver.a", "silver.b"}
		var models []Model
		for i := range rapid.IntRange(1, 4).Draw(t, "models") {
			m := Model{Name: "gold." + string(rune('m'+i)), Lookback: rapid.IntRange(0, 6).Draw(t, "lookback")}
			for _, in := range names {
				if rapid.Bool().Draw(t, "reads "+in) {
					m.Inputs = append(m.Inputs, in)
				}
			}
			models, names = append(models, m), append(names, m.Name)
		}
		compute := func(tables map[string]table, m Model, days func(Day) bool) table {
			out := table{}
			for d := Day(0); d <= last; d++ {
				sum, there := 1, false
				for i, in := range m.Inputs {
					_, is := tables[in][d]
					there = there || is
					for x := d - Day(m.Lookback); x <= d; x++ {
						sum = sum*31 + tables[in][x]*(i+2)
					}
				}
				if there && days(d) {
					out[d] = sum
				}
			}
			return out
		}
		draw := func(label string) table {
			tab := table{}
			for range rapid.IntRange(0, 8).Draw(t, label) {
				tab[Day(rapid.IntRange(0, last).Draw(t, "day"))] = rapid.IntRange(1, 3).Draw(t, "value")
			}
			return tab
		}
		all := func(Day) bool { return true }
		old := map[string]table{"silver.a": draw("a"), "silver.b": draw("b")}
		for _, m := range models {
			old[m.Name] = compute(old, m, all)
		}
		now := map[string]table{"silver.a": draw("a later"), "silver.b": old["silver.b"]}
		want := map[string]table{"silver.a": now["silver.a"], "silver.b": now["silver.b"]}
		change := Change{Changed: map[string]Days{}, Present: map[string]Range{}}
		var changed []Day
		for d := Day(0); d <= last; d++ {
			if now["silver.a"][d] != old["silver.a"][d] {
				changed = append(changed, d)
			}
		}
		change.Changed["silver.a"] = Only(changed...)
		present := func(name string, tab table) {
			var days []Day
			for d := range tab {
				days = append(days, d)
			}
			if r, ok := Only(days...).Hull(); ok {
				change.Present[name] = r
			}
		}
		present("silver.a", now["silver.a"])
		present("silver.b", now["silver.b"])
		for _, m := range models {
			present(m.Name, old[m.Name])
		}
		p, err := Make(models, change)
		if err != nil {
			t.Fatal(err)
		}
		if len(changed) == 0 && !p.Empty() {
			t.Fatalf("nothing changed, and the plan writes %v", p.Write)
		}
		for _, m := range models {
			want[m.Name] = compute(want, m, all)
			seen := map[string]table{} // by input: only what the plan reads
			for _, in := range m.Inputs {
				seen[in] = table{}
				for d, v := range now[in] {
					if p.Read[in].Contains(d) {
						seen[in][d] = v
					}
				}
			}
			merged := compute(seen, m, p.Write[m.Name].Contains)
			for d, v := range old[m.Name] {
				if !p.Write[m.Name].Contains(d) {
					merged[d] = v
				}
			}
			now[m.Name] = merged
			for d := Day(0); d <= last; d++ {
				if merged[d] != want[m.Name][d] {
					t.Fatalf("%s on %s: %d, a full run gives %d; written %s", m.Name, d, merged[d], want[m.Name][d], p.Write[m.Name])
				}
			}
		}
	})
}

// The planner must import nothing impure, so that tests like the one above cover all of it.
func TestThePlannerIsPure(t *testing.T) {
	allowed := []string{"cmp", "fmt", "iter", "slices", "strings", "time"}
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range tree.Imports {
			if path := strings.Trim(i.Path.Value, `"`); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && (x.Name == "time" && slices.Contains(clock, s.Sel.Name) || x.Name == "fmt" && strings.Contains(s.Sel.Name, "rint") && !strings.HasPrefix(s.Sel.Name, "S")) {
					t.Errorf("%s calls %s.%s", f.Name(), x.Name, s.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestMonthsAreCountedAsIcebergDoes(t *testing.T) {
	for text, want := range map[string]int{"1970-01-01": 0, "1970-01-31": 0, "1970-02-01": 1, "1969-12-31": -1, "2026-11-24": 682} {
		day, err := ParseDay(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := day.Month(); got != want {
			t.Errorf("%s is in month %d, want %d", text, got, want)
		}
	}
}
