package gold

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

func withModels(t testing.TB, files map[string]string) *Set {
	t.Helper()
	s, err := Load(t.Context(), inputs(t), folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// attempt computes everything over the samples and returns the error.
func attempt(t *testing.T, s *Set, samples []sample) error {
	t.Helper()
	c := workplace(t, s, duck.Config{})
	load(t, c, samples)
	rebuild := map[string]bool{}
	for _, m := range s.Models {
		rebuild[m.Name] = true
	}
	p, err := s.Plan(plan.Change{Rebuild: rebuild, Present: allPresent(s, span(samples))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = compute(t, s, c, p); err != nil {
		return err
	}
	return s.Verify(t.Context(), c, p)
}

var threeDays = []sample{
	{asset: "a", interval: "d1", at: at("2024-01-01 00:00"), key: "h", price: "1"},
	{asset: "b", interval: "d1", at: at("2024-01-01 00:00"), key: "h", price: "2"},
	{asset: "a", interval: "d1", at: at("2024-01-03 00:00"), key: "h", price: "3"},
}

func TestAFailingAuditNamesItselfAndTheRows(t *testing.T) {
	for _, c := range []struct {
		name, model, audit string
		want               AuditError
	}{
		{"one's own", head + "select asset_id, day, close from gold.daily_summary",
			"-- audit: close_is_low\n-- of: gold.mine\nselect asset_id, day, close from gold.mine where close >= 2",
			AuditError{Audit: "close_is_low", Of: "gold.mine", Total: 2, Rows: [][]string{{"a", "2024-01-03", "3"}, {"b", "2024-01-01", "2"}}}},
		{"two rows of one grain", head + "select asset_id, day from gold.daily_summary, range(2)", "",
			AuditError{Audit: "mine_grain", Of: "gold.mine", Total: 3, Rows: [][]string{{"a", "2024-01-01", "2"}, {"a", "2024-01-03", "2"}, {"b", "2024-01-01", "2"}}}},
		{"a grain of null", head + "select nullif(asset_id, 'b') as asset_id, day from gold.daily_summary", "",
			AuditError{Audit: "mine_grain", Of: "gold.mine", Total: 1, Rows: [][]string{{"(null)", "2024-01-01", "1"}}}},
		{"a day that no input has", head + "select asset_id, (day + i::int)::date as day from gold.daily_summary, range(2) as r(i) where asset_id = 'a'", "",
			AuditError{Audit: "mine_days", Of: "gold.mine", Total: 1, Rows: [][]string{{"2024-01-02"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"m.sql": c.model}
			if c.audit != "" {
				files["audits/a.sql"] = c.audit
			}
			err := attempt(t, withModels(t, files), threeDays)
			var e *AuditError
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			if e.Audit != c.want.Audit || e.Of != c.want.Of || e.Total != c.want.Total || fmt.Sprint(e.Rows) != fmt.Sprint(c.want.Rows) {
				t.Errorf("%+v\nwant %+v", e, c.want)
			}
			if !strings.Contains(e.Error(), "audit "+c.want.Audit+" of gold.mine fails on ") || !strings.Contains(e.Error(), c.want.Rows[0][0]) {
				t.Errorf("message: %v", e)
			}
		})
	}
}

// Models that replace the embedded ones make a row that breaks each embedded audit.
func TestTheEmbeddedAuditsFindWhatTheyAreFor(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	samples := randomSamples(rand.New(rand.NewPCG(3, 3)), 4, 40)
	load(t, c, samples)
	computeAll(t, s, c, span(samples))
	steps := s.Models
	p := plan.Plan{Write: map[string]plan.Days{}, Read: map[string]plan.Days{}}
	for _, m := range steps {
		p.Write[m.Name], p.Read[m.Name] = plan.Of(span(samples)), plan.Of(span(samples))
	}
	if err := s.Verify(t.Context(), c, p); err != nil {
		t.Fatalf("sound rows: %v", err)
	}
	seen := map[string]bool{}
	for _, b := range []struct{ table, set, audit string }{
		{"daily_summary", "low = close + 1", "daily_summary_prices"},
		{"daily_summary", "high = open / 2", "daily_summary_prices"},
		{"daily_summary", "avg_price = avg_price * 9", "daily_summary_prices"},
		{"daily_summary", "n_samples = 0", "daily_summary_prices"},
		{"rolling_averages", "drawdown = 0.1", "rolling_averages_bounds"},
		{"rolling_averages", "n_obs_7 = 8", "rolling_averages_bounds"},
		{"rolling_averages", "sma_90 = 1", "rolling_averages_bounds"},
		{"rankings", "rank = rank + 1", "rankings_ranks"},
		{"rankings", "rank = 1", "rankings_ranks"},
		{"rankings", "dominance_pct = dominance_pct * 1.001", "rankings_shares"},
		{"rankings", "dominance_pct = null", "rankings_shares"},
		{"market_summary", "n_assets = n_assets + 1", "market_summary_counts"},
		{"market_summary", "hhi = 10001", "market_summary_counts"},
		{"market_summary", "advancers = 5", "market_summary_counts"},
	} {
		err := c.Together(t.Context(), func() error {
			exec(t, c, "update new_gold."+b.table+" set "+b.set)
			return s.Verify(t.Context(), c, p)
		})
		var e *AuditError
		if !errors.As(err, &e) || e.Audit != b.audit {
			t.Errorf("%s set %s: %v, want %s", b.table, b.set, err, b.audit)
		}
		seen[b.audit] = true
	}
	for _, a := range s.Audits {
		if !seen[a.Name] {
			t.Errorf("no row breaks %s", a.Name)
		}
	}
}

func TestAuditsLookAtTheDaysWrittenOnly(t *testing.T) {
	s := withModels(t, map[string]string{"audits/a.sql": "-- audit: nothing_before_2024\n-- of: gold.daily_summary\nselect * from gold.daily_summary where day < date '2024-01-02'"})
	c := workplace(t, s, duck.Config{})
	load(t, c, threeDays)
	day, err := plan.ParseDay("2024-01-03")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(plan.Change{Changed: map[string]plan.Days{"silver.asset_prices": plan.Only(day)}, Present: allPresent(s, span(threeDays))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = compute(t, s, c, p)
	if err = errors.Join(err, s.Verify(t.Context(), c, p)); err != nil {
		t.Errorf("a row of a day that was not written failed the audit: %v", err)
	}
}

func TestARebuildInChunksEqualsOneInOnePiece(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	samples := randomSamples(rand.New(rand.NewPCG(9, 9)), 2, 500)
	load(t, c, samples)
	computeAll(t, s, c, span(samples))
	want := map[string][]string{}
	for _, m := range s.Models {
		want[m.Name] = dump(t, c, m, "new_gold."+m.Table())
	}
	p := plan.Plan{Write: map[string]plan.Days{}, Read: map[string]plan.Days{}}
	days := plan.Of(span(samples))
	for _, in := range s.Inputs {
		p.Read[in.Name] = days
	}
	for _, m := range s.Models {
		p.Write[m.Name], p.Read[m.Name] = days, days.Earlier(400)
	}
	if err := s.begin(t.Context(), c, p, s.Models); err != nil {
		t.Fatal(err)
	}
	for _, chunk := range days.Chunks(minChunk) {
		for _, m := range s.Models {
			if err := s.step(t.Context(), c, m, chunk); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, m := range s.Models {
		if got := dump(t, c, m, "new_gold."+m.Table()); !slices.Equal(got, want[m.Name]) {
			t.Errorf("%s: %d rows in chunks differ from %d in one piece", m.Name, len(got), len(want[m.Name]))
		}
	}
}

func TestAnEmptyPlanComputesNothing(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	changed, err := compute(t, s, c, plan.Plan{})
	if err != nil || len(changed) != 0 {
		t.Errorf("%v %v", changed, err)
	}
}

func TestChangedDaysAreThoseWhoseRowsDiffer(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	load(t, c, threeDays)
	all := span(threeDays)
	first := computeAll(t, s, c, all)
	want := plan.Only(all.From, all.To)
	for _, m := range s.Models {
		if !first[m.Name].Equal(want) {
			t.Errorf("%s at first: %s, want %s", m.Name, first[m.Name], want)
		}
	}
	adopt(t, s, c)
	if again := computeAll(t, s, c, all); len(again) != 0 {
		t.Errorf("the same again changed %v", again)
	}
	load(t, c, threeDays[:2]) // the third day goes away
	for _, m := range s.Models {
		if got := computeAll(t, s, c, all)[m.Name]; !got.Equal(plan.Only(all.To)) {
			t.Errorf("%s after its last day went: %s", m.Name, got)
		}
	}
}

func TestSchemas(t *testing.T) {
	for _, m := range loaded(t).Models {
		for i, f := range m.Schema().Fields() {
			if f.ID != i+1 || f.Name != m.Columns[i].Name || f.Required != slices.Contains(m.Grain, f.Name) {
				t.Errorf("%s: field %d is %v", m.Name, i, f)
			}
		}
		spec := m.PartitionSpec()
		if f := spec.Field(0); spec.NumFields() != 1 || f.Name != "day_month" || f.Transform.String() != (iceberg.MonthTransform{}).String() {
			t.Errorf("%s: partitioned by %v", m.Name, spec)
		}
	}
}
