package gold

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// generate fills silver with days × assets × samples a day. Prices come from a hash, so each run has the same rows.
func generate(b testing.TB, c *duck.Conn, days, assets, samples int) {
	b.Helper()
	exec(b, c, fmt.Sprintf(`insert into silver.asset_snapshots by name
		select 'asset-' || a as asset_id, timestamptz '2015-01-01 00:00:00+00' + to_days(d::int) + to_minutes((h * 1440) // %[3]d) as observed_at,
			'bronze/coincap/assets/ingest_date=2015-01-01/' || d || '-' || h || '.json' as source_key,
			((hash(a, d, h) %% 1000000)::double / 1000 + 1)::decimal(38,28) as price_usd,
			case when a %% 50 <> 7 then (hash(a, d, h, 1) %% 1000000000)::decimal(38,18) end as market_cap_usd,
			(hash(a, d, h, 2) %% 1000000000)::decimal(38,18) as volume_usd_24h
		from range(%[2]d) x(a), range(%[1]d) y(d), range(%[3]d) z(h)`, days, assets, samples))
}

var epoch2015, _ = plan.ParseDay("2015-01-01")

// year makes a workplace with a year of twenty assets in gold, and the plan of a step that computes the last day again.
func year(b *testing.B) (*Set, *duck.Conn, plan.Change, plan.Plan) { return changed(b, 366, 0) }

// changed makes a workplace with so many days of twenty assets in gold, and the plan of a step after a change so many days before
// the last one.
func changed(b *testing.B, days, back plan.Day) (*Set, *duck.Conn, plan.Change, plan.Plan) {
	b.Helper()
	s := loaded(b)
	c := workplace(b, s, duck.Config{Threads: 1})
	generate(b, c, int(days), 20, 1)
	last := epoch2015 + days - 1
	computeAll(b, s, c, plan.Range{From: epoch2015, To: last})
	adopt(b, s, c)
	change := plan.Change{Changed: map[string]plan.Days{"silver.asset_snapshots": plan.Only(last - back)}, Present: allPresent(s, plan.Range{From: epoch2015, To: last})}
	p, err := s.Plan(change)
	if err != nil {
		b.Fatal(err)
	}
	// Only the rows of the days read are there, as promote loads them.
	for _, in := range s.Inputs {
		exec(b, c, "delete from "+in.Name+" where not ("+p.Read[in.Name].SQL(SilverDay)+")")
	}
	return s, c, change, p
}

// The step of one day matters most: every price takes it on its way to gold.
func BenchmarkStep(b *testing.B) {
	s, c, _, p := year(b)
	steps(b, s, c, p)
}

// The step after an old price was corrected: a year of drawdowns follows.
func BenchmarkLate(b *testing.B) {
	s, c, _, p := changed(b, 800, 400)
	steps(b, s, c, p)
}

func steps(b *testing.B, s *Set, c *duck.Conn, p plan.Plan) {
	b.Helper()
	for b.Loop() {
		changed, err := compute(b, s, c, p)
		if err = errors.Join(err, s.Verify(b.Context(), c, p)); err != nil {
			b.Fatal(err)
		}
		if len(changed) != 0 {
			b.Fatalf("computing the same again changed %v", changed)
		}
	}
}

// The next figures are each model's part of that step, without audits.
func BenchmarkModel(b *testing.B) {
	s, c, _, p := year(b)
	if _, err := compute(b, s, c, p); err != nil { // later models read this
		b.Fatal(err)
	}
	for _, m := range s.Models {
		b.Run(m.Table(), func(b *testing.B) {
			for b.Loop() {
				exec(b, c, "truncate new_gold."+m.Table())
				if err := s.step(b.Context(), c, m, p.Write[m.Name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	s, _, change, _ := year(b)
	for b.Loop() {
		if _, err := s.Plan(change); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRebuild(b *testing.B) {
	for _, size := range []struct{ days, assets, samples int }{{3650, 20, 1}, {90, 100, 24}} {
		b.Run(fmt.Sprintf("%dx%dx%d", size.days, size.assets, size.samples), func(b *testing.B) {
			s := loaded(b)
			c := workplace(b, s, duck.Config{Threads: 1})
			generate(b, c, size.days, size.assets, size.samples)
			for b.Loop() {
				computeAll(b, s, c, plan.Range{From: epoch2015, To: epoch2015 + plan.Day(size.days) - 1})
			}
		})
	}
}

func exec(t testing.TB, c *duck.Conn, sql string) {
	t.Helper()
	if err := c.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
}
