package gold

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// everything is the plan that writes all days.
func everything(t *testing.T, s *Set, days plan.Range) plan.Plan {
	t.Helper()
	p, err := s.Plan(plan.Change{Changed: map[string]plan.Days{"silver.asset_snapshots": plan.Of(days)}, Present: allPresent(s, days)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestModelsSideBySideMakeTheSameRows(t *testing.T) {
	s := loaded(t)
	c, second := workplaces(t, s, duck.Config{Threads: 1})
	generate(t, c, 400, 20, 1)
	days := plan.Range{From: epoch2015, To: epoch2015 + 399}
	p := everything(t, s, days)
	if err := s.Compute(t.Context(), c, p, nil); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Models {
		exec(t, c, "create table alone_"+m.Table()+" as from new_gold."+m.Table())
	}
	var mu sync.Mutex
	now, most := 0, 0
	s.Computing = func(*Model) func() {
		mu.Lock()
		defer mu.Unlock()
		now++
		most = max(most, now)
		return func() { mu.Lock(); defer mu.Unlock(); now-- }
	}
	s.Beside = second
	for range 5 {
		var made []string
		if err := s.Compute(t.Context(), c, p, func(m *Model) { made = append(made, m.Table()) }); err != nil {
			t.Fatal(err)
		}
		if slices.Sort(made); !slices.Equal(made, []string{"daily_summary", "market_summary", "rankings", "rolling_averages"}) {
			t.Errorf("made are %v", made)
		}
		for _, m := range s.Models {
			n, err := c.Ints(t.Context(), "select count(*) from ("+duck.DifferenceSQL(m.ColumnNames(), "new_gold."+m.Table(), "alone_"+m.Table())+")")
			if err != nil || n[0] != 0 {
				t.Errorf("%s: %d rows differ, %v", m.Name, n[0], err)
			}
		}
		if n, err := c.Ints(t.Context(), "select count(distinct day) from gold.daily_summary"); err != nil || n[0] != 400 {
			t.Errorf("the first connection sees %d days afterwards, want 400, %v", n[0], err)
		}
		if n, err := second.Ints(t.Context(), "select count(distinct day) from gold.daily_summary"); err != nil || n[0] != 400 {
			t.Errorf("the second connection sees %d days afterwards, want 400, %v", n[0], err)
		}
	}
	if most != 2 {
		t.Errorf("at most %d models were computed at once, want 2", most)
	}
}

func TestAModelThatFailsBesideAnotherIsTheOneToBlame(t *testing.T) {
	s := withModels(t, map[string]string{
		"wrong.sql": "-- model: gold.wrong\n-- grain: day\n-- lookback: 364 days\nselect day, (1000 * count(*))::tinyint::int as n from gold.daily_summary group by day",
		"below.sql": "-- model: gold.below\n-- grain: day\n-- lookback: 0 days\nselect day, n from gold.wrong",
	})
	c, second := workplaces(t, s, duck.Config{Threads: 1})
	s.Beside = second
	generate(t, c, 40, 20, 1)
	for range 10 {
		var made []string
		err := s.Compute(t.Context(), c, everything(t, s, plan.Range{From: epoch2015, To: epoch2015 + 39}), func(m *Model) { made = append(made, m.Name) })
		var f *Failure
		if !errors.As(err, &f) || f.Model != "gold.wrong" {
			t.Errorf("it fails with %v", err)
		}
		if slices.Contains(made, "gold.wrong") || slices.Contains(made, "gold.below") || !slices.Contains(made, "gold.daily_summary") {
			t.Errorf("made are %v", made)
		}
	}
}

// A model that lacks memory beside another waits until that one has ended, and is not to blame.
func TestAModelThatLacksMemoryBesideAnotherIsComputedAlone(t *testing.T) {
	s := withModels(t, map[string]string{"m.sql": "-- model: gold.mine\n-- grain: day\n-- lookback: 0 days\n" +
		"select day, sum(len(c)::bigint)::bigint as n from (select day, list(close order by asset_id) as c from gold.daily_summary group by day, left(asset_id, 10)) group by day"})
	c, second := workplaces(t, s, duck.Config{MemoryLimit: "112MiB", Threads: 1})
	generate(t, c, 1, 10_000, 1)
	p := everything(t, s, plan.Range{From: epoch2015, To: epoch2015})
	if err := s.Compute(t.Context(), c, p, nil); err != nil {
		t.Fatal(err)
	}
	m, _ := s.Model("gold.mine")
	exec(t, c, "delete from new_gold.mine")
	exec(t, second, "create table others (i bigint, h ubigint)") // what the other model holds
	const room = 3 << 20                                         // a commit that finds no memory would end the database
	for full := false; !full; {
		exec(t, second, "insert into others select i, hash(i) from range(20_000) r(i)")
		used, err := second.Ints(t.Context(), "select sum(memory_usage_bytes)::bigint from duckdb_memory()")
		if err != nil {
			t.Fatal(err)
		}
		full = used[0] > 112<<20-room
	}
	b := beside{set: s}
	b.memory.RLock()
	computed := make(chan error, 1)
	go func() { computed <- b.run(t.Context(), c, m, p.Write[m.Name]) }()
	for waits := false; !waits; {
		select {
		case err := <-computed:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
		if waits = !b.memory.TryRLock(); !waits {
			b.memory.RUnlock()
		}
	}
	exec(t, second, "drop table others")
	b.memory.RUnlock()
	if err := <-computed; err != nil {
		t.Fatal(err)
	}
	if n, err := c.Ints(t.Context(), "select sum(n)::bigint from new_gold.mine"); err != nil || n[0] != 10_000 {
		t.Errorf("it counts %v, %v", n, err)
	}
}
