package gold

import (
	"context"
	"errors"
	"slices"
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

// An audit runs beside the models. When both together need too much memory, it waits for them, and then looks at fewer days at a time.
func TestWhatDoesNotFitIntoMemoryIsAuditedInHalves(t *testing.T) {
	s := withModels(t, map[string]string{"audits/a.sql": "-- audit: pairs\n-- of: gold.daily_summary\n" +
		"select day from (select day, list(close order by asset_id) as closes from gold.daily_summary group by day) where len(closes) <> 20"})
	c, days := tenYears(t, s)
	computeAll(t, s, c, days)
	p, err := s.Plan(plan.Change{Changed: map[string]plan.Days{"silver.asset_prices": plan.Of(days)}, Present: allPresent(s, days)})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := s.Model("gold.daily_summary")
	exec(t, c, "delete from new_gold.daily_summary where asset_id = (select min(asset_id) from new_gold.daily_summary) and day in (date '2015-02-28', date '2020-02-29')")
	if _, err := s.VerifyModel(t.Context(), c, p, m); !errors.As(err, new(*AuditError)) || !strings.Contains(err.Error(), "2020-02-29") {
		t.Errorf("the audit says %v", err)
	}
	waits := 0
	s.Calm = func(context.Context) error { waits++; return nil }
	found, err := s.VerifyModel(t.Context(), c, p, m)
	if i := slices.IndexFunc(found, func(f Finding) bool { return f.Audit == "pairs" }); waits == 0 || i < 0 || found[i].Total != 2 || len(found[i].Rows) != 2 {
		t.Errorf("after %d waits the audits found %+v, %v", waits, found, err)
	}
}

func TestOneDayThatDoesNotFitIsTriedOnceMoreWhenItIsCalm(t *testing.T) {
	full := &duck.Error{Message: "Out of Memory Error: of a test"}
	for _, calms := range []bool{true, false} {
		tries := 0
		var calm func(context.Context) error
		if calms {
			calm = func(context.Context) error { return nil }
		}
		err := inHalves(t.Context(), plan.Only(3), calm, func(plan.Days) error {
			tries++
			return full
		})
		if want := map[bool]int{true: 2, false: 1}[calms]; !errors.Is(err, full) || tries != want {
			t.Errorf("%d tries, want %d: %v", tries, want, err)
		}
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
