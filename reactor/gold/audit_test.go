package gold

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// committed returns a connection with gold as a commit leaves it.
func committed(t *testing.T, s *Set, samples []sample) *duck.Conn {
	t.Helper()
	c := workplace(t, s, duck.Config{})
	load(t, c, samples)
	computeAll(t, s, c, span(samples))
	adopt(t, s, c)
	exec(t, c, "drop schema gold cascade; drop schema new_gold cascade; create schema gold")
	for _, m := range s.Models {
		exec(t, c, fmt.Sprintf("create table gold.%[1]s as from old_gold.%[1]s", m.Table()))
	}
	return c
}

func TestAuditingWhatIsCommittedGivesEveryAuditsFindings(t *testing.T) {
	s := withModels(t, map[string]string{"audits/a.sql": "-- audit: no_cents\n-- of: gold.daily_summary\nselect asset_id, day, close from gold.daily_summary where close < 0.01"})
	samples := randomSamples(rand.New(rand.NewPCG(5, 5)), 3, 30)
	c := committed(t, s, samples)
	all := plan.Of(span(samples))
	find := func(days plan.Days) map[string]Finding {
		t.Helper()
		findings, err := s.Audit(t.Context(), c, days)
		if err != nil {
			t.Fatal(err)
		}
		if want := 2*len(s.Models) + len(s.Audits); len(findings) != want {
			t.Errorf("%d findings, want one of each of %d audits", len(findings), want)
		}
		broken := map[string]Finding{}
		for _, f := range findings {
			if f.Total > 0 {
				broken[f.Audit+" of "+f.Of] = f
			}
		}
		return broken
	}
	if broken := find(all); len(broken) != 0 {
		t.Errorf("sound rows: %v", broken)
	}
	names := func(broken map[string]Finding) string { return strings.Join(slices.Sorted(maps.Keys(broken)), ", ") }
	// Another engine may write anything. Here it wrote wrong prices of two days, and a day's ranks twice.
	day := span(samples).From
	exec(t, c, fmt.Sprintf("update gold.daily_summary set close = 0.001 where day between date '%s' and date '%s'", day, day+1))
	exec(t, c, fmt.Sprintf("insert into gold.rankings from gold.rankings where day = date '%s'", day+3))
	const ranks = "rankings_grain of gold.rankings, rankings_ranks of gold.rankings, rankings_shares of gold.rankings"
	broken := find(all)
	if got, want := names(broken), "daily_summary_prices of gold.daily_summary, no_cents of gold.daily_summary, "+ranks; got != want {
		t.Errorf("found by %s, want %s", got, want)
	}
	mine := broken["no_cents of gold.daily_summary"]
	if mine.Total == 0 || strings.Join(mine.Columns, " ") != "asset_id day close" || mine.Row(0) != fmt.Sprintf("asset_id %s, day %s, close 0.001", mine.Rows[0][0], mine.Rows[0][1]) {
		t.Errorf("%+v", mine)
	}
	if grain := broken["rankings_grain of gold.rankings"]; grain.Total == 0 || grain.Rows[0][len(grain.Columns)-1] != "2" {
		t.Errorf("a duplicate row: %+v", grain)
	}
	if got := names(find(plan.Only(day + 3))); got != ranks {
		t.Errorf("on one day found by %s, want %s", got, ranks)
	}
	if broken := find(plan.Only(day + 2)); len(broken) != 0 {
		t.Errorf("a day without faults: %v", broken)
	}
	exec(t, c, "drop table gold.rankings; create table gold.rankings as select date '2024-01-01' as day")
	if _, err := s.Audit(t.Context(), c, all); err == nil || !strings.Contains(err.Error(), "audit gold") {
		t.Errorf("a table of other columns: %v", err)
	}
}

func TestAnAuditShowsTheFirstRowsOnly(t *testing.T) {
	s := loaded(t)
	samples := randomSamples(rand.New(rand.NewPCG(6, 6)), 3, 30)
	c := committed(t, s, samples)
	exec(t, c, "update gold.daily_summary set n_samples = 0")
	findings, err := s.Audit(t.Context(), c, plan.Of(span(samples)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Audit == "daily_summary_prices" {
			if f.Total <= auditRows || len(f.Rows) != auditRows {
				t.Errorf("%d of %d rows", len(f.Rows), f.Total)
			}
			e := AuditError(f)
			if text := e.Error(); !strings.HasSuffix(text, "\n  …") || strings.Count(text, "\n") != auditRows+1 || !strings.Contains(text, "\n  "+f.Row(0)+"\n") {
				t.Errorf("the error: %s", text)
			}
		}
	}
}
