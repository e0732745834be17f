// Package replay_test proves that bronze can be promoted once more, onto main or onto a branch, beside live traffic.
package replay_test

import (
	"testing"

	"millrace/tests/harness"
)

// A replay works on the tables that live events work on: neither may lose, double or delay what the other brings.
func TestAReplayBesideLiveTrafficHarmsNeither(t *testing.T) {
	s := harness.Start(t)
	l := s.StartLoad(t, 40, 4)
	seen := 0
	harness.Eventually(t, "there is something to replay", func() bool { seen = len(s.Ledger(t)); return seen >= 50 })
	for range 3 {
		replayed := harness.Rows[struct {
			Run    string
			Events int
		}](t, s, "replay", "--wait")
		if len(replayed) != 1 || replayed[0].Events < seen {
			t.Errorf("a replay of %v, and the ledger had %d before", replayed, seen)
		}
		seen = len(s.Ledger(t))
	}
	l.End(t)
	l.Arrived(t, s.Lake)
	s.Settled(t)
	if n := len(s.Ledger(t)); n != l.Count() {
		t.Errorf("the ledger has %d events, %d objects were put", n, l.Count())
	}
	n := 0
	for _, group := range harness.Rows[struct{ Objects int }](t, s, "replay", "--dry-run") {
		n += group.Objects
	}
	if n != l.Count() {
		t.Errorf("a dry run counts %d objects, %d were put", n, l.Count())
	}
	s.Maintain(t) // what upkeep would do in the next pause, and make a snapshot of
	before := s.Current(t)
	s.Reactor(t, "replay", "--dataset", "coincap/history", "--wait")
	if after := s.Current(t); after["silver.asset_prices"] != before["silver.asset_prices"] {
		t.Error("a replay that changes nothing made a snapshot")
	}
	s.CheckEqual(t)
}
