// Package promote_test runs the project's real programs against a real MinIO, nats-server and SQLite catalog, and proves that what
// is put into bronze becomes the right rows of silver and gold. It looks at what they did the way a user does: through the
// commands, the S3 interface and the event streams. Nothing here knows how the reactor does its work.
package promote_test

import (
	"maps"
	"strings"
	"testing"

	"millrace/tests/harness"
)

func TestHistoryAndSnapshotFromTheIngestorToGold(t *testing.T) {
	s := harness.Start(t)
	ids := []string{"bitcoin", "ethereum", "tether", "xrp", "solana"}
	history := s.Ingest(t, "history", "--from", "2025-05-02", "--to", "2025-06-30", "--assets", strings.Join(ids, ","))
	n := 0
	for _, l := range history {
		n += l.Items
	}
	// The simulator leaves holes as CoinCap does, so the ingestor's own count is what has to arrive.
	if len(history) != len(ids) || n < 280 || n > 5*60 {
		t.Fatalf("the ingestor landed %d points in %d objects", n, len(history))
	}
	days := s.Count(t, "select count(distinct day) as n from gold.daily_summary")
	want := func(what string, perAsset, perDay int) {
		t.Helper()
		if got, want := s.Sizes(t), harness.GoldSizes(perAsset, perDay); !maps.Equal(got, want) {
			t.Errorf("%s: gold has rows %v, want %v", what, got, want)
		}
	}
	want("after the history", n, days)
	before := s.Current(t)
	list := s.Ingest(t, "snapshot", "--top", "5")
	if len(list) != 1 || list[0].Items != 5 {
		t.Fatalf("the ingestor landed %+v", list)
	}
	want("after the snapshot", n+5, days+1)

	verdicts := s.CheckEqual(t)
	if verdicts["silver.asset_prices"].Rows != n || verdicts["silver.asset_snapshots"].Rows != 5 || verdicts["silver.rejected"].Rows != 0 {
		t.Errorf("silver has other rows than were landed: %+v", verdicts)
	}
	after := s.Current(t)
	for _, table := range harness.GoldTables {
		if after[table] == before[table] {
			t.Errorf("%s is still at the snapshot of before", table)
		}
	}
	for flags, want := range map[string]int{
		"--dataset coincap/history": len(ids), "--dataset coincap/assets": 1, "--key " + history[0].Key: 1,
		"--from 2020-01-01": len(ids) + 1, "--to 2020-01-01": 0, "--dataset coincap/candles": 0,
	} {
		replayed := harness.Rows[struct{ Events int }](t, s, append([]string{"replay", "--wait"}, strings.Fields(flags)...)...)
		if len(replayed) != 1 || replayed[0].Events != want {
			t.Errorf("replay %s: %v events, want %d", flags, replayed, want)
		}
	}
}
