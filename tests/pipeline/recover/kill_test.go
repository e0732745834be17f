// Package recover_test proves that a lake comes back from what befalls it, with nothing lost and nothing doubled: reactors killed and
// restarted, power cuts, events that never came, a catalog from a backup.
package recover_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"millrace/tests/harness"
)

const (
	kills    = 10 // of the reactor under load
	loadRate = 40 // objects a second of a load
)

func TestNothingIsLostOrDoubledWhenTheReactorIsKilled(t *testing.T) {
	t.Parallel() // it waits more than it works
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := harness.Start(t, harness.WithoutReactor())
	l := s.StartLoad(t, loadRate, seed)
	working := 0
	for i := range kills {
		r := s.StartReactor(t)
		before := len(s.Ledger(t))
		if i%2 == 0 {
			// A new reactor gets what the dead one held only after some seconds. Half of the kills wait for that, to hit it at work.
			harness.Eventually(t, "the reactor commits", func() bool { return len(s.Ledger(t)) > before })
		}
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		r.Kill()
		if len(s.Ledger(t)) > before {
			working++
		}
	}
	l.End(t)
	s.StartReactor(t)
	l.Arrived(t, s.Lake)
	s.Settled(t)
	if n := len(s.Ledger(t)); n != l.Count() || n < 50 {
		t.Errorf("the ledger has %d entries, %d objects were acknowledged", n, l.Count())
	}
	verdicts := s.CheckEqual(t)
	t.Logf("%d kills, %d of them of a reactor that had committed, %d objects, %d commits to silver, %d to gold; %v", kills, working, l.Count(), len(s.Snapshots(t, "silver.asset_snapshots")),
		len(s.Snapshots(t, "gold.daily_summary")), verdicts["gold.daily_summary"])
}

func TestTwoReactorsShareALakeAndOneDies(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	first, second := s.StartReactor(t), s.StartReactor(t)
	l := s.StartLoad(t, loadRate, 1)
	time.Sleep(3 * time.Second)
	first.Kill()
	time.Sleep(3 * time.Second)
	l.End(t)
	l.Arrived(t, s.Lake)
	s.Settled(t)
	if n := len(s.Ledger(t)); n != l.Count() || second.Ended() {
		t.Errorf("the ledger has %d entries, %d objects were acknowledged; the second reactor ended: %v", n, l.Count(), second.Ended())
	}
	s.CheckEqual(t)
}
