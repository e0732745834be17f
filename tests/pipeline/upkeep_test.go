package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/tests/stack"
)

// upkeep is a line of `reactor maintain`.
type upkeep struct {
	Table                         string
	Files, Manifests, Snapshots   int
	FilesMerged                   int `json:"files_merged"`
	ManifestsMerged               int `json:"manifests_merged"`
	Expired, Orphans, OrphanBytes int
}

func maintain(t testing.TB, s *stack.Stack, flags ...string) map[string]upkeep {
	t.Helper()
	byTable := map[string]upkeep{}
	for _, u := range rows[upkeep](t, s, append([]string{"maintain"}, flags...)...) {
		byTable[u.Table] = u
	}
	return byTable
}

// TestUpkeepKeepsTablesSmallAndChangesNoRow puts objects one by one, each a commit of its own, into the running month and
// into one that is over.
func TestUpkeepKeepsTablesSmallAndChangesNoRow(t *testing.T) {
	s := stack.Start(t)
	const commits = 44
	var last string
	for i := range commits {
		at := day(time.June, 1).Add(time.Duration(i) * time.Hour)
		if i%5 == 0 {
			at = day(time.March, 1).AddDate(0, 0, i/5)
		}
		last = historyKey(fmt.Sprintf("point-%03d.json", i))
		s.Put(t, last, points(point(at, fmt.Sprintf("%d.5", 100+i))), about("bitcoin", "h1"))
		s.Wait(t, last)
	}
	stepBefore := reactor(t, s, "query", "select count(*) as n from gold.daily_summary", "--output", "csv")
	// The reactor itself merges in its pauses; nobody has to ask for it.
	const table = "silver.asset_prices"
	stack.Eventually(t, "the reactor has merged the small files", func() bool {
		u := maintain(t, s, "--dry-run")[table]
		return u.Files < commits/2 && u.Manifests <= 32
	})
	stack.Eventually(t, "the reactor counts its steps", func() bool {
		return stack.Metrics(t, s.HTTP)["millrace_upkeep_duration_seconds{work=files}"] > 0
	})
	checkEqual(t, s)

	before := current(t, s)
	got := maintain(t, s, "--older-than", "0s") // nobody else is at work
	for name, u := range got {
		if u.Snapshots > 31 {
			t.Errorf("%s keeps %d snapshots", name, u.Snapshots)
		}
	}
	if u := got[table]; u.Orphans == 0 {
		t.Errorf("nothing of the expired snapshots was removed: %+v", u)
	}
	if again := maintain(t, s, "--older-than", "0s")[table]; again.Orphans != 0 || again.FilesMerged != 0 || again.ManifestsMerged != 0 {
		t.Errorf("a second maintain still finds something to do: %+v", again)
	}
	for name, id := range current(t, s) {
		if strings.HasPrefix(name, "gold.") && id != before[name] && got[name].FilesMerged+got[name].ManifestsMerged == 0 {
			t.Errorf("%s has a new snapshot, but nothing was merged in it", name)
		}
	}
	if after := reactor(t, s, "query", "select count(*) as n from gold.daily_summary", "--output", "csv"); after != stepBefore {
		t.Errorf("gold had %s days, and has %s after upkeep", stepBefore, after)
	}
	// Every kept snapshot can still be read: what it needs was not taken for orphans.
	for _, snap := range snapshots(t, s, table) {
		if n := count(t, s, "select count(*) as n from "+table, "--snapshot", fmt.Sprintf("%s=%d", table, snap.Snapshot)); n != snap.TotalRows {
			t.Errorf("snapshot %d has %d rows, its summary says %d", snap.Snapshot, n, snap.TotalRows)
		}
	}
	checkEqual(t, s)

	// And late data still finds its rows.
	s.Put(t, historyKey("late.json"), points(point(day(time.March, 2), "7")), about("bitcoin", "h1"))
	s.Wait(t, historyKey("late.json"))
	checkEqual(t, s)
}
