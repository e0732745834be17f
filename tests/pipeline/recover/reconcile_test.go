package recover_test

import (
	"fmt"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

// reconciled is the line that `reactor reconcile` prints.
type reconciled struct {
	Objects, Missed, Unannounced, Forgotten, Waiting int
	LedgerEmpty                                      int `json:"ledger_empty"`
}

func reconcileNow(t testing.TB, s *harness.Stack) reconciled {
	t.Helper()
	got := harness.Rows[reconciled](t, s, "reconcile")
	if len(got) != 1 {
		t.Fatalf("reconcile: %v", got)
	}
	return got[0]
}

// The events are in the broker's window of ten minutes. Published under their own ids they would be dropped, and what the ledger lost
// would stay lost until a later look.
func TestWhatALedgerOfYesterdayDoesNotKnowIsFoundAgain(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	var keys []string
	for i := range 5 {
		keys = append(keys, coin.AssetsKey(fmt.Sprintf("%d.json", i)))
		s.Put(t, keys[i], coin.Assets(coin.Day(time.June, 1+i), coin.Asset("bitcoin", fmt.Sprint(i+1), "1")), nil)
	}
	s.Wait(t, keys...)
	s.Settled(t)
	if err := catalog.Forget(t.Context(), s.Catalog(), keys[0]); err != nil {
		t.Fatal(err)
	}
	if got, want := reconcileNow(t, s), (reconciled{Objects: 5, Missed: 4, Forgotten: 4}); got != want {
		t.Errorf("reconcile found %+v, want %+v", got, want)
	}
	s.Settled(t)
	if n := len(s.Ledger(t)); n != 5 {
		t.Errorf("the ledger has %d entries, want 5", n)
	}
	if got, want := reconcileNow(t, s), (reconciled{Objects: 5}); got != want {
		t.Errorf("a second reconcile found %+v, want %+v", got, want)
	}
	s.CheckEqual(t)
}

// Objects that arrive while the reconciler looks are on their way, not missed.
func TestNothingIsMissedUnderLoad(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	s.Put(t, coin.AssetsKey("first.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.Wait(t, coin.AssetsKey("first.json"))
	l := s.StartLoad(t, loadRate, 3)
	for range 3 {
		if got := reconcileNow(t, s); got.Missed != 0 || got.Objects == 0 {
			t.Errorf("reconcile found %+v", got)
		}
	}
	l.End(t)
}
