package read_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// auditLine is a line of `reactor audit`.
type auditLine struct {
	Audit, Of string
	Rows      int
	FirstRows string `json:"first_rows"`
}

func audits(t testing.TB, s *harness.Stack, code int, env []string, args ...string) (map[string]auditLine, harness.Result) {
	t.Helper()
	r := s.RunEnv(t, env, "reactor", append([]string{"audit", "--output", "json"}, args...)...)
	var list []auditLine
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != code {
		t.Fatalf("reactor audit %v: want exit code %d and its lines: %v, %s", args, code, err, r)
	}
	lines := map[string]auditLine{}
	for _, l := range list {
		lines[l.Audit] = l
	}
	return lines, r
}

// Gold broke no audit when it was committed. A new audit may say otherwise.
func TestAuditLooksAtGoldAsItIsCommitted(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	s.StartReactor(t)
	s.PutRanges(t)
	lines, _ := audits(t, s, 0, nil)
	for _, name := range []string{"daily_summary_grain", "daily_summary_days", "daily_summary_prices", "rankings_ranks", "market_summary_counts"} {
		if l, there := lines[name]; !there || l.Rows != 0 || l.FirstRows != "" || !strings.HasPrefix(l.Of, "gold.") {
			t.Errorf("%s: %+v", name, l)
		}
	}

	own := harness.NewModels(t)
	own.Write(t, "audits/ceiling.sql", "-- audit: price_ceiling\n-- of: gold.daily_summary\nselect asset_id, day, high from gold.daily_summary where high > 110\n")
	lines, result := audits(t, s, 1, []string{own.Env()})
	want := auditLine{"price_ceiling", "gold.daily_summary", 3,
		"asset_id bitcoin, day 2025-06-01, high 120; asset_id bitcoin, day 2025-06-02, high 140; asset_id bitcoin, day 2025-06-03, high 160"}
	if lines["price_ceiling"] != want {
		t.Errorf("got %+v, want %+v", lines["price_ceiling"], want)
	}
	if !strings.Contains(result.Stderr, "price_ceiling of gold.daily_summary (3 rows)") {
		t.Errorf("the error does not say which: %s", result)
	}
	for _, days := range []struct {
		args []string
		rows int
	}{
		{[]string{"--from", "2025-06-02"}, 2},
		{[]string{"--to", "2025-06-01"}, 1},
		{[]string{"--from", "2025-06-03", "--to", "2025-06-03"}, 1},
		{[]string{"--from", "2025-06-04"}, 0},
		{[]string{"--to", "2025-05-31"}, 0},
		{[]string{"--from", "2031-01-01", "--to", "2031-12-31"}, 0},
	} {
		if lines, _ := audits(t, s, min(days.rows, 1), []string{own.Env()}, days.args...); lines["price_ceiling"].Rows != days.rows {
			t.Errorf("%v: %d rows, want %d", days.args, lines["price_ceiling"].Rows, days.rows)
		}
	}

	for _, args := range [][]string{{"--from", "2025-06-03", "--to", "2025-06-02"}, {"--from", "soon"}} {
		if r := s.Run(t, "reactor", append([]string{"audit"}, args...)...); r.Code != 2 {
			t.Errorf("%v: want exit code 2, %s", args, r)
		}
	}
	own.Write(t, "spread.sql", harness.SpreadHeader+"select asset_id, day, high - low as spread from gold.daily_summary\n")
	if r := s.RunEnv(t, []string{own.Env()}, "reactor", "audit"); r.Code != 1 || !strings.Contains(r.Stderr, "gold.spread") || !strings.Contains(r.Stderr, "reactor run") {
		t.Errorf("a model whose table is not there yet: %s", r)
	}
	if r := s.Run(t, "reactor", "audit", "--output", "table", "--to", coin.Day(time.June, 2).Format(time.DateOnly)); r.Code != 0 || !strings.Contains(r.Stdout, "first_rows") {
		t.Errorf("as a table: %s", r)
	}
}
