package read_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// The tables that TestChangesTagsAndRollbacks changes and takes back.
const silver, gold = "silver.asset_snapshots", "gold.daily_summary"

// past is a lake with something to look back at: at the tag "one", and at a time after it, it had other rows.
type past struct {
	*harness.Stack
	one, now map[string]int64 // snapshots of the tables at the tag, and those of now
	between  time.Time
}

func TestChangesTagsAndRollbacks(t *testing.T) {
	p := newPast(t)
	p.changes(t)
	p.refusals(t)
	before := p.Contents(t, append([]string{silver}, harness.GoldTables...)...)
	restored := func(what string) {
		t.Helper()
		p.SameContents(t, what, before)
		p.CheckEqual(t)
	}
	p.silverGoesBack(t)
	p.Reactor(t, "replay", "--wait")
	restored("after a replay")

	// Gold goes back; its step has nothing to do of its own, and still a replay mends it.
	p.Reactor(t, "rollback", gold, "--to", "one")
	if got, want := p.Differing(t), map[string][2]int{gold: {3, 1}}; !maps.Equal(got, want) {
		t.Errorf("check after the rollback of gold: %v, want %v", got, want)
	}
	p.Reactor(t, "replay", "--wait")
	restored("gold after a replay")
	p.Reactor(t, "rollback", gold, "--to", "one")
	p.put(t, "d.json", coin.Day(time.June, 3), coin.Asset("xrp", "1", "1"))
	p.CheckEqual(t)

	p.Reactor(t, "tag", silver, "one", "--drop")
	if tags := harness.Rows[struct{ Name string }](t, p, "tag", silver); len(tags) != 1 {
		t.Errorf("tags after the drop: %v", tags)
	}
}

func newPast(t *testing.T) past {
	t.Helper()
	p := past{Stack: harness.Start(t)}
	p.put(t, "a.json", coin.Day(time.June, 1), coin.Asset("bitcoin", "100", "10"), coin.Asset("tether", "1", "5"))
	tags := harness.Rows[struct{ Name, Kind string }](t, p, "tag", silver, "one")
	if len(tags) != 2 || fmt.Sprint(tags) != "[{main branch} {one tag}]" && fmt.Sprint(tags) != "[{one tag} {main branch}]" {
		t.Errorf("tags: %v", tags)
	}
	p.Reactor(t, "tag", gold, "one")
	p.one, p.between = p.Current(t), time.Now()
	p.put(t, "b.json", coin.Day(time.June, 1), coin.Asset("bitcoin", "101", "10"))                                     // another price of the same moment
	p.put(t, "c.json", coin.Day(time.June, 2), coin.Asset("ethereum", "7", "3"), coin.Asset("bitcoin", "102.5", "11")) // and a new day
	p.now = p.Current(t)
	return p
}

func (p past) put(t *testing.T, name string, at time.Time, list ...string) {
	t.Helper()
	p.PutAndWait(t, coin.AssetsKey(name), coin.Assets(at, list...), nil)
}

func (p past) changes(t *testing.T) {
	t.Helper()
	const sinceOne = "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7"
	for args, want := range map[string]string{
		silver + " --from one":                                 sinceOne,
		silver + " --from one --to one":                        "",
		silver + " --from main --to one":                       "deleted bitcoin 102.5, updated bitcoin 100 was 101, deleted ethereum 7",
		silver + " --from 0 --to one":                          "inserted bitcoin 100, inserted tether 1",
		silver + " --from one --to 0":                          "deleted bitcoin 100, deleted tether 1",
		gold + " --from one":                                   sinceOne,
		fmt.Sprint(silver, " --from ", p.one[silver]):          sinceOne,
		gold + " --from " + p.between.Format(time.RFC3339Nano): sinceOne,
	} {
		// By the key: asset_id first, then the time.
		got := strings.Split(p.Changes(t, strings.Fields(args)...), ", ")
		wanted := strings.Split(want, ", ")
		if !sameSet(got, wanted) {
			t.Errorf("changes %s: got %v, want %v", args, got, wanted)
		}
	}
	r := p.Run(t, "reactor", "changes", silver, "--from", "one", "--output", "csv")
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, "change,asset_id,observed_at,rank,") || strings.Count(r.Stdout, "\n") != 4 ||
		!strings.Contains(r.Stdout, `""price_usd"":100`) || !strings.Contains(r.Stderr, `"inserted":2,"deleted":0,"updated":1`) {
		t.Errorf("changes as CSV: %s", r)
	}
	if n := p.Count(t, "select count(*) as n from "+silver, "--snapshot", silver+"=one"); n != 2 {
		t.Errorf("a query at a tag sees %d rows, want 2", n)
	}
}

func (p past) refusals(t *testing.T) {
	t.Helper()
	for args, want := range map[string]string{
		"changes " + silver + " --from nobody":         "no snapshot, tag or branch",
		"changes silver.nothing --from 0":              "there is no table",
		"changes " + silver + " --from 12":             "has no snapshot 12",
		"tag " + silver + " one":                       "drop it first",
		"tag " + silver + " two --drop":                "no tag",
		"tag " + silver + " two --snapshot 2020-01-01": "had no snapshot then",
		"rollback " + silver + " --to 0":               "had no snapshot then",
	} {
		if r := p.Run(t, "reactor", strings.Fields(args)...); r.Code != 1 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: want exit code 1 and %q: %s", args, want, r)
		}
	}
	for _, args := range []string{"changes " + silver, "tag " + silver + " 12", "tag " + silver + " --drop", "rollback " + silver} {
		if r := p.Run(t, "reactor", strings.Fields(args)...); r.Code != 2 {
			t.Errorf("%s: want exit code 2: %s", args, r)
		}
	}
}

// silverGoesBack takes silver back to the tag. Gold follows by itself, and nothing counts as an event that never came.
func (p past) silverGoesBack(t *testing.T) {
	t.Helper()
	r := p.Run(t, "reactor", "rollback", silver, "--to", "one")
	if r.Code != 0 || !strings.Contains(r.Stderr, "reactor replay") || !strings.Contains(r.Stderr, fmt.Sprintf("--to %d", p.now[silver])) {
		t.Fatalf("rollback: %s", r)
	}
	harness.Eventually(t, "gold has followed", func() bool {
		return p.CSV(t, "select asset_id, close from gold.daily_summary order by all") == "asset_id,close\nbitcoin,100\ntether,1\n"
	})
	p.Settled(t)
	if got, want := p.Differing(t), map[string][2]int{silver: {3, 1}, gold: {3, 1}, "gold.rolling_averages": {2, 0}, "gold.rankings": {2, 0}, "gold.market_summary": {1, 0}}; !maps.Equal(got, want) {
		t.Errorf("check after the rollback of silver: %v, want %v", got, want) // a price shows neither in ranks nor in averages that are null
	}
	if n := harness.Rows[struct{ Missed int }](t, p, "reconcile"); n[0].Missed != 0 {
		t.Errorf("the reconciler takes a rollback for %d events that never came", n[0].Missed)
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
