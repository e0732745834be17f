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
