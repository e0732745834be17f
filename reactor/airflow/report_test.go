package airflow

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"millrace/reactor/gold/plan"
)

func days(t testing.TB, texts ...string) plan.Days {
	t.Helper()
	var ranges []plan.Range
	for _, text := range texts {
		from, to, isRange := strings.Cut(text, "..")
		if !isRange {
			to = from
		}
		var r plan.Range
		var err error
		if r.From, err = plan.ParseDay(from); err != nil {
			t.Fatal(err)
		}
		if r.To, err = plan.ParseDay(to); err != nil {
			t.Fatal(err)
		}
		ranges = append(ranges, r)
	}
	return plan.Of(ranges...)
}

func TestDaysAreToldOnlyWhenTheyAreAllThatChangedSinceTheLastEvent(t *testing.T) {
	first := Report{Table: "gold.rankings", SnapshotID: 11, Step: 1, Days: days(t, "2026-01-01..2026-01-03")}
	next := Report{Table: "gold.rankings", SnapshotID: 12, Step: 2, Since: 11, Days: days(t, "2026-02-01")}
	start := Report{Table: "gold.rankings", SnapshotID: 11, Step: 1, Since: 11}
	gap := Report{Table: "gold.rankings", SnapshotID: 15, Step: 5, Since: 14, Days: days(t, "2026-03-01")}
	for _, tt := range []struct {
		name   string
		report Report
		last   string
		want   string
	}{
		{"the table's first", first, "", "2026-01-01..2026-01-03"},
		{"the table's first, but Airflow knows another lake's", first, "9", ""},
		{"the next", next, "11", "2026-02-01"},
		{"the next, the one before never arrived", next, "", ""},
		{"two together", first.then(next), "", "2026-01-01..2026-01-03 2026-02-01"},
		{"two together, the first arrived although its answer was lost", first.then(next), "11", ""},
		{"a start", start, "9", ""},
		{"a start and a commit", start.then(next), "11", "2026-02-01"},
		{"a start and a commit, the last reactor left a gap", start.then(next), "10", ""},
		{"commits of another reactor in between", next.then(gap), "11", ""},
		{"commits of another reactor in between, which reported them", next.then(gap), "14", "2026-03-01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			extra := tt.report.extra(tt.last)
			if got, _ := extra["days"].(string); got != tt.want {
				t.Errorf("days %q, want %q", got, tt.want)
			}
			if _, some := extra["first_day"]; some != (tt.want != "") || extra["snapshot_id"] != tt.report.snapshot() {
				t.Errorf("%v", extra)
			}
		})
	}
}

func TestASnapshotIsTextAndManyDaysAreTheirEnds(t *testing.T) {
	var odd []string
	for d := range 2 * manyDays {
		odd = append(odd, (plan.Day(20454) + plan.Day(2*d)).String())
	}
	many := days(t, odd[:manyDays+1]...)
	r := Report{Table: "gold.rankings", SnapshotID: 9_007_199_254_740_993, Step: 7, Days: many} // 2⁵³+1, which no double holds
	want := map[string]any{"table": "gold.rankings", "snapshot_id": "9007199254740993", "step": int64(7),
		"days": odd[0] + ".." + odd[manyDays], "first_day": odd[0], "last_day": odd[manyDays]}
	if got := r.extra(""); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	r.Days = days(t, odd[:manyDays]...)
	if got := fmt.Sprint(r.extra("")["days"]); got != strings.Join(odd[:manyDays], " ") {
		t.Errorf("%d days: %s", manyDays, got)
	}
	foreign := Report{Table: "gold.rankings", SnapshotID: 5}
	if got := foreign.extra("4"); !maps.Equal(got, map[string]any{"table": "gold.rankings", "snapshot_id": "5"}) {
		t.Errorf("another engine's snapshot: %v", got)
	}
}
