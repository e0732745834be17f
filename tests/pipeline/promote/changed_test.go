package promote_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// byDay reads a table's rows of each day, as text.
func byDay(t testing.TB, s *harness.Stack, table string) map[string]string {
	t.Helper()
	days := map[string]string{}
	for line := range strings.Lines(s.CSV(t, "select day, * from "+table+" order by all")) {
		d, rest, _ := strings.Cut(line, ",")
		if d != "day" {
			days[d] += rest
		}
	}
	return days
}

// changedDays lists the days whose rows differ, and those that only one of the two has.
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

// span lists n days from the first on.
func span(first time.Time, n int) (days []string) {
	for i := range n {
		days = append(days, first.AddDate(0, 0, i).Format(time.DateOnly))
	}
	return days
}

func TestOnePriceOfLongAgoChangesTheDaysItReachesAndNoOther(t *testing.T) {
	s := harness.Start(t)
	const length = 460
	end := coin.Day(time.June, 30)
	restated := end.AddDate(0, 0, -400)
	landFlatAndRising(t, s, end.AddDate(0, 0, 1-length), length)
	before := map[string]map[string]string{}
	for _, table := range harness.GoldTables {
		before[table] = byDay(t, s, table)
	}
	othersBefore := s.CSV(t, "from gold.rolling_averages where asset_id = 'rising' order by day")
	idsBefore := s.Current(t)

	s.Put(t, coin.HistoryKey("restated.json"), coin.Points(coin.Point(restated, "1000")), coin.About("flat", "d1"))
	took := s.WaitSteps(t, coin.HistoryKey("restated.json"))[coin.HistoryKey("restated.json")]
	t.Logf("one price 400 days back: in silver after %d ms, in gold after %d ms", took["silver"], took["gold"])

	want := map[string][]string{
		"gold.daily_summary": span(restated, 1),
		// The price is the highest of 365 days, its own included, so drawdown shows it in each of them.
		"gold.rolling_averages": span(restated, 365),
		"gold.rankings":         nil, // history has no market caps
		"gold.market_summary":   span(restated, 2),
	}
	ids := s.Current(t)
	for _, table := range harness.GoldTables {
		if got := changedDays(before[table], byDay(t, s, table)); !slices.Equal(got, want[table]) {
			t.Errorf("%s: %d days changed, want %d:\n%v\n%v", table, len(got), len(want[table]), got, want[table])
		}
		if made := ids[table] != idsBefore[table]; made != (len(want[table]) > 0) {
			t.Errorf("%s: a snapshot was made: %v", table, made)
		}
	}
	if got := s.CSV(t, "from gold.rolling_averages where asset_id = 'rising' order by day"); got != othersBefore {
		t.Errorf("the other asset's rows changed:\n%s", harness.Difference(othersBefore, got))
	}
	s.CheckEqual(t)
	identicalRowsChangeNoGold(t, s, restated)
}

// landFlatAndRising puts the histories of an asset whose price stands still and of one whose price rises, a day's each for so many days.
func landFlatAndRising(t *testing.T, s *harness.Stack, start time.Time, days int) {
	t.Helper()
	var flat, rising []string
	price := 100.0
	for i := range days {
		at := start.AddDate(0, 0, i)
		price *= 1.01
		flat = append(flat, coin.Point(at, "100"))
		rising = append(rising, coin.Point(at, fmt.Sprintf("%.10f", price)))
	}
	s.Put(t, coin.HistoryKey("flat.json"), coin.Points(flat...), coin.About("flat", "d1"))
	s.Put(t, coin.HistoryKey("rising.json"), coin.Points(rising...), coin.About("rising", "d1"))
	s.Wait(t, coin.HistoryKey("flat.json"), coin.HistoryKey("rising.json"))
}

// identicalRowsChangeNoGold puts the restated price once more, and replays an older object of the same row.
func identicalRowsChangeNoGold(t *testing.T, s *harness.Stack, restated time.Time) {
	t.Helper()
	ids := s.Current(t)
	// The same row from a newer object: silver takes its lineage over, gold has nothing to say about it.
	s.PutAndWait(t, coin.HistoryKey("restated-again.json"), coin.Points(coin.Point(restated, "1000.0")), coin.About("flat", "d1"))
	s.Settled(t)
	after := s.Current(t)
	if after["silver.asset_prices"] == ids["silver.asset_prices"] {
		t.Error("silver does not have the newer object's lineage")
	}
	for _, table := range harness.GoldTables {
		if after[table] != ids[table] {
			t.Errorf("%s: identical rows made a snapshot", table)
		}
	}
	// The winner is the newest object: an older version of the row, seen again, changes nothing at all.
	s.Reactor(t, "replay", "--key", coin.HistoryKey("flat.json"), "--wait")
	s.Settled(t)
	for table, id := range s.Current(t) {
		if id != after[table] {
			t.Errorf("%s: a replay made a snapshot", table)
		}
	}
	s.CheckEqual(t)
}

// Rows can go as well as come. A newer object that has no price takes the day's samples away, and everything that was
// computed from them, down to the last row of a month.
func TestADayWithoutAPriceAnyMoreLeavesGold(t *testing.T) {
	s := harness.Start(t)
	alone, among := coin.Day(time.January, 31), coin.Day(time.March, 1)
	put := func(name string, at time.Time, list ...string) string {
		key := coin.AssetsKey(name)
		s.Put(t, key, coin.Assets(at, list...), nil)
		return key
	}
	s.Wait(t, put("alone.json", alone, coin.Asset("bitcoin", "1", "1")), put("among.json", among, coin.Asset("bitcoin", "10", "1"), coin.Asset("ethereum", "5", "9")),
		put("next.json", among.AddDate(0, 0, 1), coin.Asset("bitcoin", "20", "1"), coin.Asset("ethereum", "4", "9")))
	if n := s.Sizes(t); n["gold.daily_summary"] != 5 || n["gold.market_summary"] != 3 {
		t.Fatalf("gold has rows %v", n)
	}
	unknown := `{"id":"bitcoin","priceUsd":null}`
	s.Wait(t, put("alone-again.json", alone, unknown), put("among-again.json", among, unknown))
	got := s.Reactor(t, "query", `select asset_id, day::varchar as day, close, return_1d, n_obs_7, rank, rank_change_1d, n_assets, advancers, decliners from gold.daily_summary
		join gold.rolling_averages using (asset_id, day) join gold.rankings using (asset_id, day) join gold.market_summary using (day) order by all`, "--output", "csv")
	want := `asset_id,day,close,return_1d,n_obs_7,rank,rank_change_1d,n_assets,advancers,decliners
bitcoin,2025-03-02,20,,1,2,,2,0,1
ethereum,2025-03-01,5,,1,1,,1,0,0
ethereum,2025-03-02,4,-0.2,2,1,0,2,0,1
`
	if got != want {
		t.Errorf("gold has\n%s, want\n%s", got, want)
	}
	s.CheckEqual(t)
}
