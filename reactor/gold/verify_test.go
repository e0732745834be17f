package gold

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// declared returns a model's header with a lookback.
func declared(lookback string) string {
	return "-- model: gold.mine\n-- grain: asset_id, day\n-- lookback: " + lookback + "\n"
}

// These everyday models were once accepted and made wrong rows after the first start.
var wrongLookbacks = []struct {
	name, lookback, sql string
	says                string // the refusal at load, or the failure on real rows
}{
	// The syntax shows these.
	{"an all-time high", "0 days", "select asset_id, day, max(high) over (partition by asset_id order by day) as x from gold.daily_summary", "write `-- lookback: all`"},
	{"a cumulative sum", "0 days", "select asset_id, day, sum(volume_usd_24h::decimal(38, 18)) over (partition by asset_id order by day) as x from gold.daily_summary", "write `-- lookback: all`"},
	{"a first value", "30 days", "select asset_id, day, first_value(close) over (partition by asset_id order by day) as x from gold.daily_summary", "write `-- lookback: all`"},
	{"an explicit frame", "30 days", "select asset_id, day, min(low) over (partition by asset_id order by day rows between unbounded preceding and current row) as x from gold.daily_summary", "write `-- lookback: all`"},
	{"a number for each day", "7 days", "select asset_id, day, row_number() over (partition by asset_id order by day) as x from gold.daily_summary", "write `-- lookback: all`"},
	{"lead", "0 days", "select asset_id, day, lead(close) over (partition by asset_id order by day) as x from gold.daily_summary", "later days"},
	{"a following frame", "all", "select asset_id, day, max(close) over (partition by asset_id order by day rows between current row and 1 following) as x from gold.daily_summary", "later days"},
	{"an average of a partition", "0 days", "select asset_id, day, avg(close::decimal(38, 18)) over (partition by asset_id) as x from gold.daily_summary", "later ones among them"},
	{"an average of everything", "all", "select asset_id, day, avg(close::decimal(38, 18)) over () as x from gold.daily_summary", "later ones among them"},
	{"a rank over a partition", "0 days", "select asset_id, day, rank() over (partition by asset_id order by close) as x from gold.daily_summary", "later ones among them"},
	{"a share of all days", "all", "select asset_id, day, percent_rank() over (partition by asset_id order by day) as x from gold.daily_summary", "later ones among them"},
	{"the latest only", "0 days", "select asset_id, day from gold.daily_summary qualify row_number() over (partition by asset_id order by day desc) = 1", "later ones among them"},
	{"the top ten", "0 days", "select asset_id, day from gold.daily_summary order by close desc, asset_id, day limit 10", "qualify row_number()"},
	{"the top ten in a CTE", "0 days", "with top as (select asset_id, day from gold.daily_summary order by close desc, asset_id, day limit 10) from top", "qualify row_number()"},
	// Real rows show these.
	{"lag over a hole", "1 day", "select asset_id, day, lag(close) over (partition by asset_id order by day) as x from gold.daily_summary", "lookback"},
	{"an index to a base date", "0 days", "select asset_id, day, close / (select any_value(b.close order by b.day) from gold.daily_summary b where b.asset_id = s.asset_id and b.day = date '2023-12-21')::double as x from gold.daily_summary s", "from everything"},
	{"a day later", "0 days", "select asset_id, day + 1 as day, close from gold.daily_summary where day < date '2024-02-01'", "lookback"},
	{"too short a window", "6 days", "select asset_id, day, max(high) over (partition by asset_id order by day range between interval 13 days preceding and current row) as x from gold.daily_summary", "the 6 days of its lookback"},
	{"an average by a subquery", "0 days", "select asset_id, day, close - (select avg(close::decimal(38, 18)) from gold.daily_summary)::decimal(38, 18) as x from gold.daily_summary", "lookback"},
	{"a maximum by a group", "0 days", "with m as (select asset_id, max(high) as high from gold.daily_summary group by asset_id) select asset_id, day, m.high as x from gold.daily_summary join m using (asset_id)", "lookback"},
	{"the last day", "all", "select asset_id, day, (select max(day) from gold.daily_summary) - day as x from gold.daily_summary", "no later days"},
	{"a number over ties", "0 days", "select asset_id, day, row_number() over (partition by day order by n_samples, source) as x from gold.daily_summary", "leave no ties"},
}

// These models keep to their lookback.
var rightLookbacks = []struct{ name, lookback, sql string }{
	{"an all-time high", "all", "select asset_id, day, max(high) over (partition by asset_id order by day) as x from gold.daily_summary"},
	{"a cumulative sum", "all", "select asset_id, day, sum(volume_usd_24h::decimal(38, 18)) over (partition by asset_id order by day) as x from gold.daily_summary"},
	{"the day's number", "all", "select asset_id, day, row_number() over (partition by asset_id order by day) as x from gold.daily_summary"},
	{"an index to the first price", "all", "select asset_id, day, first_value(close) over (partition by asset_id order by day) as x from gold.daily_summary"},
	{"a window", "6 days", "select asset_id, day, max(high) over (partition by asset_id order by day range between interval 6 days preceding and current row) as x from gold.daily_summary"},
	{"ranks of a day", "0 days", "select asset_id, day, rank() over (partition by day order by close) as x, row_number() over (partition by day order by close, asset_id) as n from gold.daily_summary"},
	{"a share of a day", "0 days", "select asset_id, day, n_samples / sum(n_samples::int) over (partition by day) as x from gold.daily_summary"},
	{"yesterday", "1 day", "select today.asset_id, today.day, before.close as x from gold.daily_summary today left join gold.daily_summary before on before.asset_id = today.asset_id and before.day = today.day - 1"},
	{"lag without a hole", "1 day", "select asset_id, day, case when lag(day) over w = day - 1 then lag(close) over w end as x from gold.daily_summary window w as (partition by asset_id order by day)"},
	{"the last price until then", "all", "select asset_id, day, (select b.close from gold.daily_summary b where b.asset_id = s.asset_id and b.day < s.day order by b.day desc limit 1) as x from gold.daily_summary s"},
	{"samples of silver", "0 days", "select asset_id, cast(make_timestamp(epoch_us(observed_at)) as date) as day, count(*) as n from silver.asset_snapshots group by all"},
}

// verified loads a model and verifies it on random rows with holes. It returns the error of either.
func verified(t *testing.T, text string) error {
	t.Helper()
	s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"mine.sql": text}))
	if err != nil {
		return err
	}
	c := workplace(t, s, duck.Config{Threads: 1})
	samples := randomSamples(rand.New(rand.NewPCG(7, 1)), 4, 90)
	load(t, c, samples)
	p, err := s.Plan(plan.Change{Rebuild: map[string]bool{"gold.daily_summary": true, "gold.mine": true}, Present: allPresent(s, span(samples))})
	if err != nil {
		t.Fatal(err)
	}
	p.Write = map[string]plan.Days{"gold.daily_summary": p.Write["gold.daily_summary"], "gold.mine": p.Write["gold.mine"]}
	if err := s.Compute(t.Context(), c, p, nil); err != nil {
		t.Fatal(err)
	}
	m, _ := s.Model("gold.mine")
	return s.VerifyLookback(t.Context(), c, p, m)
}

func TestADeclarationThatIsWrongIsRefusedOrFails(t *testing.T) {
	for _, test := range wrongLookbacks {
		t.Run(test.name, func(t *testing.T) {
			err := verified(t, declared(test.lookback)+test.sql+"\n")
			var refusal *Refusal
			var failure *Failure
			if !errors.As(err, &refusal) && !errors.As(err, &failure) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "mine.sql:") {
				t.Errorf("want %q: %v", test.says, err)
			}
		})
	}
}

func TestADeclarationThatHoldsIsTaken(t *testing.T) {
	for _, test := range rightLookbacks {
		t.Run(test.name, func(t *testing.T) {
			if err := verified(t, declared(test.lookback)+test.sql+"\n"); err != nil {
				t.Error(err)
			}
		})
	}
	s := loaded(t)
	c := workplace(t, s, duck.Config{Threads: 1})
	samples := randomSamples(rand.New(rand.NewPCG(8, 1)), 3, 400)
	load(t, c, samples)
	computeAll(t, s, c, span(samples))
	p, err := s.Plan(plan.Change{Rebuild: map[string]bool{"gold.daily_summary": true}, Present: allPresent(s, span(samples))})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Models {
		if err := s.VerifyLookback(t.Context(), c, p, m); err != nil {
			t.Error(err)
		}
	}
}

// A model with a lookback of all days is recomputed from the first changed day on.
func TestALookbackOfAllReachesEveryLaterDay(t *testing.T) {
	s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"mine.sql": declared("all") + rightLookbacks[0].sql}))
	if err != nil {
		t.Fatal(err)
	}
	first, last := epoch2015, epoch2015+4000
	p, err := s.Plan(plan.Change{Changed: map[string]plan.Days{"silver.asset_prices": plan.Only(first + 10)}, Present: allPresent(s, plan.Range{From: first, To: last})})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Write["gold.mine"], plan.Of(plan.Range{From: first + 10, To: last}); !got.Equal(want) {
		t.Errorf("it writes %s, want %s", got, want)
	}
	if !p.Read["gold.daily_summary"].Contains(first) {
		t.Errorf("it reads %s", p.Read["gold.daily_summary"])
	}
	if text := p.Write["gold.daily_summary"].String(); text != plan.Only(first+10).String() {
		t.Errorf("gold.daily_summary is written on %s", text)
	}
}
