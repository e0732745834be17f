//go:build airflow

package airflow

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"millrace/tests/harness"
)

// summaries selects gold's rows of days that have only history.
const summaries = `select asset_id, day::varchar as day, close::varchar as close, avg_price, sma_7, return_1d
	from gold.daily_summary join gold.rolling_averages using (asset_id, day) where day between '%s' and '%s' order by all`

func (l *lakehouse) days(t *testing.T) {
	l.command(t, "backfill", "create", "--dag-id", "coincap_daily", "--from-date", day(-20), "--to-date", day(-11))
	harness.Eventually(t, "ten days are landed", func() bool {
		done := 0
		for _, r := range l.runs(t, "coincap_daily") {
			if r.From[:10] >= day(-20) && r.From[:10] <= day(-11) && r.State == "success" {
				done++
			}
		}
		return done == 10
	})
	l.settled(t)
	direct := harness.Start(t)
	if r := direct.RunEnv(t, l.api.env(), "ingestor", "history", "--from", day(-20), "--to", day(-11)); r.Code != 0 {
		t.Fatal(r)
	}
	other := &lakehouse{Stack: direct}
	other.settled(t)
	sql := fmt.Sprintf(summaries, day(-20), day(-11))
	got, want := l.query(t, sql), other.query(t, sql)
	if len(want) < 180 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d rows by Airflow differ from %d rows directly", len(got), len(want))
	}
}

func (l *lakehouse) years(t *testing.T) {
	from, to := now.AddDate(-3, 0, 0).Format(time.DateOnly), day(-21)
	l.unpause(t, "coincap_backfill")
	land := func() {
		var started run
		l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_backfill/dagRuns",
			map[string]any{"logical_date": nil, "conf": map[string]any{"from": from, "to": to, "top": 20}}, &started)
		harness.Eventually(t, "the backfill is done", func() bool {
			for _, r := range l.runs(t, "coincap_backfill") {
				if r.ID == started.ID {
					if r.State == "failed" {
						t.Fatalf("the backfill failed: %v", l.tries(t, "coincap_backfill", r.ID))
					}
					return r.State == "success"
				}
			}
			return false
		})
		pieces := 0
		for _, one := range l.tries(t, "coincap_backfill", started.ID) {
			if one.Task == "land" {
				pieces++
			}
		}
		if pieces != 3 {
			t.Errorf("%d pieces of %s to %s, want one a year", pieces, from, to)
		}
		l.settled(t)
	}
	land()
	if n := l.query(t, "select count(distinct day) as n from gold.daily_summary where day < '"+day(-20)+"'")[0]["n"].(float64); n < 1000 {
		t.Errorf("%v days of three years", n)
	}
	before := l.snapshots(t)
	land()
	if after := l.snapshots(t); after != before {
		t.Errorf("tables changed:\n%s\n%s", before, after)
	}
}
