package promote_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// TestUpkeepKeepsTablesSmallAndChangesNoRow puts objects one by one, each a commit of its own, into the running month and
// into one that is over.
func TestUpkeepKeepsTablesSmallAndChangesNoRow(t *testing.T) {
	s := harness.Start(t)
	const commits = 44
	var last string
	for i := range commits {
		at := coin.Day(time.June, 1).Add(time.Duration(i) * time.Hour)
		if i%5 == 0 {
			at = coin.Day(time.March, 1).AddDate(0, 0, i/5)
		}
		last = coin.HistoryKey(fmt.Sprintf("point-%03d.json", i))
		s.Put(t, last, coin.Points(coin.Point(at, fmt.Sprintf("%d.5", 100+i))), coin.About("bitcoin", "h1"))
		s.Wait(t, last)
	}
	stepBefore := s.CSV(t, "select count(*) as n from gold.daily_summary")
	// The reactor itself merges in its pauses; nobody has to ask for it.
	const table = "silver.asset_prices"
	harness.Eventually(t, "the reactor has merged the small files", func() bool {
		u := s.Maintain(t, "--dry-run")[table]
		return u.Files < commits/2 && u.Manifests <= 32
	})
	harness.Eventually(t, "the reactor counts its steps", func() bool {
		return harness.Metrics(t, s.HTTP)["millrace_upkeep_duration_seconds{work=files}"] > 0
	})
	s.CheckEqual(t)

	before := s.Current(t)
	got := s.Maintain(t, "--older-than", "0s") // nobody else is at work
	for name, u := range got {
		if u.Snapshots > 31 {
			t.Errorf("%s keeps %d snapshots", name, u.Snapshots)
		}
	}
	if u := got[table]; u.Orphans == 0 {
		t.Errorf("nothing of the expired snapshots was removed: %+v", u)
	}
	if again := s.Maintain(t, "--older-than", "0s")[table]; again.Orphans != 0 || again.FilesMerged != 0 || again.ManifestsMerged != 0 {
		t.Errorf("a second maintain still finds something to do: %+v", again)
	}
	for name, id := range s.Current(t) {
		if strings.HasPrefix(name, "gold.") && id != before[name] && got[name].FilesMerged+got[name].ManifestsMerged == 0 {
			t.Errorf("%s has a new snapshot, but nothing was merged in it", name)
		}
	}
	if after := s.CSV(t, "select count(*) as n from gold.daily_summary"); after != stepBefore {
		t.Errorf("gold had %s days, and has %s after upkeep", stepBefore, after)
	}
	// Every kept snapshot can still be read: what it needs was not taken for orphans.
	for _, snap := range s.Snapshots(t, table) {
		if n := s.Count(t, "select count(*) as n from "+table, "--snapshot", fmt.Sprintf("%s=%d", table, snap.Snapshot)); n != snap.TotalRows {
			t.Errorf("snapshot %d has %d rows, its summary says %d", snap.Snapshot, n, snap.TotalRows)
		}
	}
	s.CheckEqual(t)

	// And late data still finds its rows.
	s.Put(t, coin.HistoryKey("late.json"), coin.Points(coin.Point(coin.Day(time.March, 2), "7")), coin.About("bitcoin", "h1"))
	s.Wait(t, coin.HistoryKey("late.json"))
	s.CheckEqual(t)
}
