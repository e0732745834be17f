package gold

import (
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// tenYears makes a workplace with the reactor's memory limit and 73,000 rows of twenty assets.
func tenYears(t *testing.T, s *Set) (*duck.Conn, plan.Range) {
	t.Helper()
	const days = 3650
	c := workplace(t, s, duck.Config{MemoryLimit: "112MiB", Threads: 1, TempDir: t.TempDir()})
	generate(t, c, days, 20, 1)
	return c, plan.Range{From: epoch2015, To: epoch2015 + days - 1}
}

func TestTenYearsAreRebuiltWithinTheReactorsMemory(t *testing.T) {
	s := loaded(t)
	c, days := tenYears(t, s)
	changed := computeAll(t, s, c, days)
	for _, m := range s.Models {
		if got := changed[m.Name].Len(); got != days.Len() {
			t.Errorf("%s: %d days, want %d", m.Name, got, days.Len())
		}
	}
}

// An ordered list of 20 prices takes 48 KB, and 3,650 of them need more than the memory limit.
func TestWhatDoesNotFitIntoMemoryIsComputedInHalves(t *testing.T) {
	s := withModels(t, map[string]string{"m.sql": "-- model: gold.mine\n-- grain: day\n-- lookback: 0 days\n" +
		"select day, len(list(close order by asset_id)) as n from gold.daily_summary group by day"})
	c, days := tenYears(t, s)
	computeAll(t, s, c, days)
	n, err := c.Ints(t.Context(), "select count(*) from new_gold.mine where n = 20")
	if err != nil || n[0] != int64(days.Len()) {
		t.Errorf("%d days with all their prices, want %d: %v", n, days.Len(), err)
	}
}

// A condition on the left side in a left join's ON makes DuckDB compare all pairs of rows: ten years of rankings took 17 s.
func TestNoModelComparesEveryRowWithEveryOther(t *testing.T) {
	s := loaded(t)
	c, days := tenYears(t, s)
	computeAll(t, s, c, days)
	for _, m := range s.Models {
		rows, err := c.Query(t.Context(), "explain "+m.SQL)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for b, err := range rows.All() {
			if err != nil {
				t.Fatal(err)
			}
			for r := range int(b.NumRows()) {
				text.WriteString(b.Column(1).ValueStr(r))
			}
		}
		rows.Close()
		if plan := text.String(); !strings.Contains(plan, "SCAN") || strings.Contains(plan, "NL_JOIN") || strings.Contains(plan, "CROSS_PRODUCT") {
			t.Errorf("%s:\n%s", m.Name, plan)
		}
	}
}
