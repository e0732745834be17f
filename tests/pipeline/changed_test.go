package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/stack"
)

// byDay are a table's rows of each day, as text.
func byDay(t testing.TB, s *stack.Stack, table string) map[string]string {
	t.Helper()
	days := map[string]string{}
	for line := range strings.Lines(reactor(t, s, "query", "select day, * from "+table+" order by all", "--output", "csv")) {
		d, rest, _ := strings.Cut(line, ",")
		if d != "day" {
			days[d] += rest
		}
	}
	return days
}

// changedDays are those whose rows differ, those included that only one of the two has.
func changedDays(before, after map[string]string) (days []string) {
	for d, rows := range after {
		if before[d] != rows {
			days = append(days, d)
		}
	}
	for d := range before {
		if _, there := after[d]; !there {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	return days
}

// span are n days from the first on.
func span(first time.Time, n int) (days []string) {
	for i := range n {
		days = append(days, first.AddDate(0, 0, i).Format(time.DateOnly))
	}
	return days
}

func TestOnePriceOfLongAgoChangesTheDaysItReachesAndNoOther(t *testing.T) {
	s := stack.Start(t)
	const length = 460
	end := day(time.June, 30)
	start := end.AddDate(0, 0, 1-length)
	restated := end.AddDate(0, 0, -400)
	var flat, rising []string
	price := 100.0
	for i := range length {
		at := start.AddDate(0, 0, i)
		price *= 1.01
		flat = append(flat, point(at, "100"))
		rising = append(rising, point(at, fmt.Sprintf("%.10f", price)))
	}
	s.Put(t, historyKey("flat.json"), points(flat...), about("flat", "d1"))
	s.Put(t, historyKey("rising.json"), points(rising...), about("rising", "d1"))
	s.Wait(t, historyKey("flat.json"), historyKey("rising.json"))
	before := map[string]map[string]string{}
	for _, table := range goldTables {
		before[table] = byDay(t, s, table)
	}
	othersBefore := reactor(t, s, "query", "from gold.rolling_averages where asset_id = 'rising' order by day", "--output", "csv")
	idsBefore := current(t, s)

	s.Put(t, historyKey("restated.json"), points(point(restated, "1000")), about("flat", "d1"))
	took := waitSteps(t, s, historyKey("restated.json"))[historyKey("restated.json")]
	t.Logf("one price 400 days back: in silver after %d ms, in gold after %d ms", took["silver"], took["gold"])

	want := map[string][]string{
		"gold.daily_summary": span(restated, 1),
		// The price is the highest of 365 days, its own included, so drawdown shows it in every one of them.
		"gold.rolling_averages": span(restated, 365),
		"gold.rankings":         nil, // history has no market caps
		"gold.market_summary":   span(restated, 2),
	}
	ids := current(t, s)
	for _, table := range goldTables {
		if got := changedDays(before[table], byDay(t, s, table)); !slices.Equal(got, want[table]) {
			t.Errorf("%s: %d days changed, want %d:\n%v\n%v", table, len(got), len(want[table]), got, want[table])
		}
		if made := ids[table] != idsBefore[table]; made != (len(want[table]) > 0) {
			t.Errorf("%s: a snapshot was made: %v", table, made)
		}
	}
	if got := reactor(t, s, "query", "from gold.rolling_averages where asset_id = 'rising' order by day", "--output", "csv"); got != othersBefore {
		t.Errorf("the other asset's rows changed:\n%s", difference(othersBefore, got))
	}
	checkEqual(t, s)

	// The same row from a newer object: silver takes its lineage over, gold has nothing to say about it.
	s.Put(t, historyKey("restated-again.json"), points(point(restated, "1000.0")), about("flat", "d1"))
	s.Wait(t, historyKey("restated-again.json"))
	settled(t, s)
	after := current(t, s)
	if after["silver.asset_prices"] == ids["silver.asset_prices"] {
		t.Error("silver does not have the newer object's lineage")
	}
	for _, table := range goldTables {
		if after[table] != ids[table] {
			t.Errorf("%s: identical rows made a snapshot", table)
		}
	}
	// The winner is the newest object: an older version of the row, seen again, changes nothing at all.
	reactor(t, s, "replay", "--key", historyKey("flat.json"), "--wait")
	settled(t, s)
	for table, id := range current(t, s) {
		if id != after[table] {
			t.Errorf("%s: a replay made a snapshot", table)
		}
	}
	checkEqual(t, s)
}

// Rows can go as well as come: a newer object that knows no price takes the day's samples away, and with them whatever
// was computed from them, down to the last row of a month.
func TestADayWithoutAPriceAnyMoreLeavesGold(t *testing.T) {
	s := stack.Start(t)
	alone, among := day(time.January, 31), day(time.March, 1)
	put := func(name string, at time.Time, list ...string) string {
		key := assetsKey(name)
		s.Put(t, key, assets(at, list...), nil)
		return key
	}
	s.Wait(t, put("alone.json", alone, asset("bitcoin", "1", "1")), put("among.json", among, asset("bitcoin", "10", "1"), asset("ethereum", "5", "9")),
		put("next.json", among.AddDate(0, 0, 1), asset("bitcoin", "20", "1"), asset("ethereum", "4", "9")))
	if n := sizes(t, s); n["gold.daily_summary"] != 5 || n["gold.market_summary"] != 3 {
		t.Fatalf("gold has rows %v", n)
	}
	unknown := `{"id":"bitcoin","priceUsd":null}`
	s.Wait(t, put("alone-again.json", alone, unknown), put("among-again.json", among, unknown))
	got := reactor(t, s, "query", `select asset_id, day::varchar as day, close, return_1d, n_obs_7, rank, rank_change_1d, n_assets, advancers, decliners from gold.daily_summary
		join gold.rolling_averages using (asset_id, day) join gold.rankings using (asset_id, day) join gold.market_summary using (day) order by all`, "--output", "csv")
	want := `asset_id,day,close,return_1d,n_obs_7,rank,rank_change_1d,n_assets,advancers,decliners
bitcoin,2025-03-02,20,,1,2,,2,0,1
ethereum,2025-03-01,5,,1,1,,1,0,0
ethereum,2025-03-02,4,-0.19999999999999996,2,1,0,2,0,1
`
	if got != want {
		t.Errorf("gold has\n%s, want\n%s", got, want)
	}
	checkEqual(t, s)
}
