package pipeline_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"millrace/tests/stack"
)

// changedRow is a line of `reactor changes` of gold.daily_summary or silver.asset_snapshots.
type changedRow struct {
	Change  string
	AssetID string       `json:"asset_id"`
	Price   *json.Number `json:"price_usd"`
	Close   *json.Number
	Old     map[string]any
}

// brief is the change, the asset, its price or close and the former one.
func (c changedRow) brief() string {
	now, old := c.Price, c.Old["price_usd"]
	if now == nil {
		now, old = c.Close, c.Old["close"]
	}
	text := c.Change + " " + c.AssetID + " " + now.String()
	if old != nil {
		text += fmt.Sprint(" was ", old)
	}
	return text
}

func changesOf(t testing.TB, s *stack.Stack, args ...string) string {
	t.Helper()
	var lines []string
	for _, c := range rows[changedRow](t, s, append([]string{"changes"}, args...)...) {
		lines = append(lines, c.brief())
	}
	return strings.Join(lines, ", ")
}

// differing are the tables that `reactor check` finds other than bronze gives, with the rows missing and too many.
func differing(t testing.TB, s *stack.Stack) map[string][2]int {
	t.Helper()
	r := s.Run(t, "reactor", "check", "--output", "json")
	var verdicts []verdict
	if err := json.Unmarshal([]byte(r.Stdout), &verdicts); err != nil || r.Code != 1 {
		t.Fatalf("want exit code 1 and the verdicts: %v, %s", err, r)
	}
	found := map[string][2]int{}
	for _, v := range verdicts {
		if !v.Equal {
			found[v.Table] = [2]int{v.Missing, v.Excess}
		}
	}
	return found
}

func TestChangesTagsAndRollbacks(t *testing.T) {
	s := stack.Start(t)
	put := func(name string, at time.Time, list ...string) {
		t.Helper()
		s.Put(t, assetsKey(name), assets(at, list...), nil)
		s.Wait(t, assetsKey(name))
	}
	const silver, gold = "silver.asset_snapshots", "gold.daily_summary"
	put("a.json", day(time.June, 1), asset("bitcoin", "100", "10"), asset("tether", "1", "5"))
	tags := rows[struct{ Name, Kind string }](t, s, "tag", silver, "one")
	if len(tags) != 2 || fmt.Sprint(tags) != "[{main branch} {one tag}]" && fmt.Sprint(tags) != "[{one tag} {main branch}]" {
		t.Errorf("tags: %v", tags)
	}
	reactor(t, s, "tag", gold, "one")
	old := current(t, s)
	between := time.Now()
	put("b.json", day(time.June, 1), asset("bitcoin", "101", "10"))                                // another price of the same moment
	put("c.json", day(time.June, 2), asset("ethereum", "7", "3"), asset("bitcoin", "102.5", "11")) // and a new day
	now := current(t, s)

	for args, want := range map[string]string{
		silver + " --from one":                               "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7",
		silver + " --from one --to one":                      "",
		silver + " --from main --to one":                     "deleted bitcoin 102.5, updated bitcoin 100 was 101, deleted ethereum 7",
		silver + " --from 0 --to one":                        "inserted bitcoin 100, inserted tether 1",
		silver + " --from one --to 0":                        "deleted bitcoin 100, deleted tether 1",
		gold + " --from one":                                 "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7",
		fmt.Sprint(silver, " --from ", old[silver]):          "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7",
		gold + " --from " + between.Format(time.RFC3339Nano): "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7",
	} {
		// By the key: asset_id first, then the time.
		got := strings.Split(changesOf(t, s, strings.Fields(args)...), ", ")
		wanted := strings.Split(want, ", ")
		if !sameSet(got, wanted) {
			t.Errorf("changes %s: got %v, want %v", args, got, wanted)
		}
	}
	r := s.Run(t, "reactor", "changes", silver, "--from", "one", "--output", "csv")
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, "change,asset_id,observed_at,rank,") || strings.Count(r.Stdout, "\n") != 4 ||
		!strings.Contains(r.Stdout, `""price_usd"":100`) || !strings.Contains(r.Stderr, `"inserted":2,"deleted":0,"updated":1`) {
		t.Errorf("changes as CSV: %s", r)
	}
	if n := count(t, s, "select count(*) as n from "+silver, "--snapshot", silver+"=one"); n != 2 {
		t.Errorf("a query at a tag sees %d rows, want 2", n)
	}
	for args, want := range map[string]string{
		"changes " + silver + " --from nobody":         "no snapshot, tag or branch",
		"changes silver.nothing --from 0":              "there is no table",
		"changes " + silver + " --from 12":             "has no snapshot 12",
		"tag " + silver + " one":                       "drop it first",
		"tag " + silver + " two --drop":                "no tag",
		"tag " + silver + " two --snapshot 2020-01-01": "had no snapshot then",
		"rollback " + silver + " --to 0":               "had no snapshot then",
	} {
		if r := s.Run(t, "reactor", strings.Fields(args)...); r.Code != 1 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: want exit code 1 and %q: %s", args, want, r)
		}
	}
	for _, args := range []string{"changes " + silver, "tag " + silver + " 12", "tag " + silver + " --drop", "rollback " + silver} {
		if r := s.Run(t, "reactor", strings.Fields(args)...); r.Code != 2 {
			t.Errorf("%s: want exit code 2: %s", args, r)
		}
	}

	before := map[string]string{}
	for _, table := range append([]string{silver}, goldTables...) {
		before[table] = contents(t, s, table)
	}
	restored := func(what string) {
		t.Helper()
		for table, want := range before {
			if got := contents(t, s, table); got != want {
				t.Errorf("%s: %s is other than before the rollback:\n%s", what, table, difference(want, got))
			}
		}
		checkEqual(t, s)
	}

	// Silver goes back, gold follows by itself, a replay brings both again.
	r = s.Run(t, "reactor", "rollback", silver, "--to", "one")
	if r.Code != 0 || !strings.Contains(r.Stderr, "reactor replay") || !strings.Contains(r.Stderr, fmt.Sprintf("--to %d", now[silver])) {
		t.Fatalf("rollback: %s", r)
	}
	stack.Eventually(t, "gold has followed", func() bool {
		return reactor(t, s, "query", "select asset_id, close from gold.daily_summary order by all", "--output", "csv") == "asset_id,close\nbitcoin,100\ntether,1\n"
	})
	settled(t, s)
	if got, want := differing(t, s), map[string][2]int{silver: {3, 1}, gold: {3, 1}, "gold.rolling_averages": {2, 0}, "gold.rankings": {2, 0}, "gold.market_summary": {1, 0}}; !maps.Equal(got, want) {
		t.Errorf("check after the rollback of silver: %v, want %v", got, want) // a price shows neither in ranks nor in averages that are null
	}
	if n := rows[struct{ Missed int }](t, s, "reconcile"); n[0].Missed != 0 {
		t.Errorf("the reconciler takes a rollback for %d events that never came", n[0].Missed)
	}
	reactor(t, s, "replay", "--wait")
	restored("after a replay")

	// Gold goes back; its step has nothing to do of its own, and still a replay mends it.
	reactor(t, s, "rollback", gold, "--to", "one")
	if got, want := differing(t, s), map[string][2]int{gold: {3, 1}}; !maps.Equal(got, want) {
		t.Errorf("check after the rollback of gold: %v, want %v", got, want)
	}
	reactor(t, s, "replay", "--wait")
	restored("gold after a replay")
	reactor(t, s, "rollback", gold, "--to", "one")
	put("d.json", day(time.June, 3), asset("xrp", "1", "1"))
	checkEqual(t, s)

	reactor(t, s, "tag", silver, "one", "--drop")
	if tags := rows[struct{ Name string }](t, s, "tag", silver); len(tags) != 1 {
		t.Errorf("tags after the drop: %v", tags)
	}
}

func sameSet(a, b []string) bool {
	n := map[string]int{}
	for _, x := range a {
		n[x]++
	}
	for _, x := range b {
		n[x]--
	}
	for _, v := range n {
		if v != 0 {
			return false
		}
	}
	return true
}
