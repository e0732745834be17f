package gold

import (
	"context"
	"errors"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// inputs returns CoinCap's two tables as silver defines them.
func inputs(t testing.TB) []Input {
	t.Helper()
	var out []Input
	for _, d := range []*silver.Dataset{datasets.Get("coincap/assets"), datasets.Get("coincap/history")} {
		in, err := InputOf("silver."+d.Table, d.Schema(), d.Key)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, in)
	}
	return out
}

func loaded(t testing.TB) *Set {
	t.Helper()
	s, err := Load(context.Background(), inputs(t), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// workplace returns a connection with empty silver tables and an empty old gold.
func workplace(t testing.TB, s *Set, cfg duck.Config) *duck.Conn {
	t.Helper()
	c, done, err := duck.OpenConn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	furnish(t, s, c)
	return c
}

// workplaces returns two such connections of one database; the second computes beside the first.
func workplaces(t testing.TB, s *Set, cfg duck.Config) (c, beside *duck.Conn) {
	t.Helper()
	db, err := duck.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for _, conn := range []**duck.Conn{&c, &beside} {
		if *conn, err = db.Connect(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*conn).Close)
	}
	furnish(t, s, c)
	return c, beside
}

// furnish makes empty silver tables and an empty old gold.
func furnish(t testing.TB, s *Set, c *duck.Conn) {
	t.Helper()
	if err := Prepare(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	for _, in := range s.Inputs {
		exec(t, c, createTable(in.Name, in.Columns))
	}
	for _, m := range s.Models {
		exec(t, c, m.CreateTable("old_gold."+m.Table()))
	}
}

// computeAll rebuilds every model over the days.
func computeAll(t testing.TB, s *Set, c *duck.Conn, days plan.Range) map[string]plan.Days {
	t.Helper()
	rebuild := map[string]bool{}
	for _, m := range s.Models {
		rebuild[m.Name] = true
	}
	p, err := s.Plan(plan.Change{Rebuild: rebuild, Present: allPresent(s, days)})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := compute(t, s, c, p)
	if err = errors.Join(err, s.Verify(context.Background(), c, p)); err != nil {
		t.Fatal(err)
	}
	return changed
}

// compute runs the models of a plan and returns, by model, the days whose rows changed.
func compute(t testing.TB, s *Set, c *duck.Conn, p plan.Plan) (map[string]plan.Days, error) {
	t.Helper()
	changed := map[string]plan.Days{}
	err := s.Compute(context.Background(), c, p, func(m *Model) {
		days, err := s.Changed(context.Background(), c, p, m)
		if err != nil {
			t.Fatal(err)
		}
		if !days.Empty() {
			changed[m.Name] = days
		}
	})
	return changed, err
}

func allPresent(s *Set, days plan.Range) map[string]plan.Range {
	present := map[string]plan.Range{}
	for _, in := range s.Inputs {
		present[in.Name] = days
	}
	return present
}

// adopt makes the computed rows the old gold, as a commit does.
func adopt(t testing.TB, s *Set, c *duck.Conn) {
	t.Helper()
	for _, m := range s.Models {
		exec(t, c, "create or replace table old_gold."+m.Table()+" as from gold."+m.Table())
	}
}
