package pipeline_test

import (
	"math/rand/v2"
	"testing"

	"millrace/tests/stack"
)

// A replay works on the tables that live events work on: neither may lose, double or delay what the other brings.
func TestAReplayBesideLiveTrafficHarmsNeither(t *testing.T) {
	s := stack.Start(t)
	random := rand.New(rand.NewPCG(4, 2))
	l := startLoad(t, s, random)
	seen := 0
	stack.Eventually(t, "there is something to replay", func() bool { seen = len(ledger(t, s)); return seen >= 50 })
	for range 3 {
		replayed := rows[struct {
			Run    string
			Events int
		}](t, s, "replay", "--wait")
		if len(replayed) != 1 || replayed[0].Events < seen {
			t.Errorf("a replay of %v, and the ledger had %d before", replayed, seen)
		}
		seen = len(ledger(t, s))
	}
	l.end(t)
	l.arrived(t, s)
	settled(t, s)
	if n := len(ledger(t, s)); n != len(l.versions) {
		t.Errorf("the ledger has %d events, %d objects were put", n, len(l.versions))
	}
	n := 0
	for _, group := range rows[struct{ Objects int }](t, s, "replay", "--dry-run") {
		n += group.Objects
	}
	if n != len(l.versions) {
		t.Errorf("a dry run counts %d objects, %d were put", n, len(l.versions))
	}
	maintain(t, s) // what upkeep would do in the next pause, and make a snapshot of
	before := current(t, s)
	reactor(t, s, "replay", "--dataset", "coincap/history", "--wait")
	if after := current(t, s); after["silver.asset_prices"] != before["silver.asset_prices"] {
		t.Error("a replay that changes nothing made a snapshot")
	}
	checkEqual(t, s)
}
