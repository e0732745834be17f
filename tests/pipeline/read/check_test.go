package read_test

import (
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// A check that cannot fail proves nothing. Here bronze loses an object that the tables were computed from.
func TestCheckTellsTablesThatAreNotWhatBronzeGives(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	running := s.StartReactor(t)
	keep, remove, refused := coin.AssetsKey("keep.json"), coin.AssetsKey("remove.json"), coin.AssetsKey("refused.json")
	s.Put(t, keep, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1"), coin.Asset("ethereum", "1", "1")), nil)
	removed := s.Put(t, remove, coin.Assets(coin.Day(time.June, 2), coin.Asset("bitcoin", "2", "1")), nil)
	s.Put(t, refused, coin.Assets(coin.Day(time.June, 1), `{"id":"bitcoin","priceUsd":"-1"}`), nil)
	s.Put(t, coin.HistoryKey("bitcoin_d1_x.json"), coin.Points(coin.Point(coin.Day(time.June, 1), "5")), nil)
	s.Wait(t, keep, remove, refused, coin.HistoryKey("bitcoin_d1_x.json"))
	s.Settled(t)
	before := s.CheckEqual(t)

	running.StopInOrder(t) // it would take the rows of a deleted version out
	s.Remove(t, remove, removed.VersionID)
	excess := map[string]int{"silver.asset_snapshots": 1, "gold.daily_summary": 1, "gold.rolling_averages": 1, "gold.rankings": 1, "gold.market_summary": 1}
	r := s.Run(t, "reactor", "check", "--output", "json")
	for _, v := range harness.Verdicts(t, r, 1) {
		if v.Missing != 0 || v.Excess != excess[v.Table] || v.Equal != (excess[v.Table] == 0) || v.Digest != before[v.Table].Digest || v.Rows != before[v.Table].Rows {
			t.Errorf("%+v: want %d rows that bronze does not give any more, and before %+v", v, excess[v.Table], before[v.Table])
		}
	}
	if !strings.Contains(r.Stderr, remove) || !strings.Contains(r.Stderr, "was deleted from bronze") || !strings.Contains(r.Stderr, "reactor reconcile") {
		t.Errorf("the cause and what mends it are not named: %s", r.Stderr)
	}
	s.StartReactor(t)
	harness.Eventually(t, "the rows of the deleted version are gone", func() bool {
		return s.Count(t, "select count(*)::integer as n from silver.asset_snapshots") == 2
	})
	s.Settled(t)
	s.CheckEqual(t)
}
