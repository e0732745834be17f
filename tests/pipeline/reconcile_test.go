package pipeline_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"millrace/tests/stack"
)

// reconciled is the line that `reactor reconcile` prints.
type reconciled struct {
	Objects, Missed, Unannounced, Forgotten, Waiting int
	LedgerEmpty                                      int `json:"ledger_empty"`
}

func reconcileNow(t testing.TB, s *stack.Stack) reconciled {
	t.Helper()
	got := rows[reconciled](t, s, "reconcile")
	if len(got) != 1 {
		t.Fatalf("reconcile: %v", got)
	}
	return got[0]
}

// The events are in the broker's window of ten minutes: published under their own ids they would be dropped, and what the
// ledger lost would stay lost until somebody looks again later.
func TestWhatALedgerOfYesterdayDoesNotKnowIsFoundAgain(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t)
	var keys []string
	for i := range 5 {
		keys = append(keys, assetsKey(fmt.Sprintf("%d.json", i)))
		s.Put(t, keys[i], assets(day(time.June, 1+i), asset("bitcoin", fmt.Sprint(i+1), "1")), nil)
	}
	s.Wait(t, keys...)
	settled(t, s)
	db, err := sql.Open("sqlite3", "file:"+s.Catalog()+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec("DELETE FROM millrace_ledger WHERE source_key <> ?", keys[0]); err != nil {
		t.Fatal(err)
	}
	if got, want := reconcileNow(t, s), (reconciled{Objects: 5, Missed: 4, Forgotten: 4}); got != want {
		t.Errorf("reconcile found %+v, want %+v", got, want)
	}
	settled(t, s)
	if n := len(ledger(t, s)); n != 5 {
		t.Errorf("the ledger has %d entries, want 5", n)
	}
	if got, want := reconcileNow(t, s), (reconciled{Objects: 5}); got != want {
		t.Errorf("a second reconcile found %+v, want %+v", got, want)
	}
	checkEqual(t, s)
}

// Objects that are being put while it looks are on their way, not missed.
func TestNothingIsMissedUnderLoad(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t)
	s.Put(t, assetsKey("first.json"), assets(day(time.June, 1), asset("bitcoin", "1", "1")), nil)
	s.Wait(t, assetsKey("first.json"))
	l := startLoad(t, s, rand.New(rand.NewPCG(3, 3)))
	for range 3 {
		if got := reconcileNow(t, s); got.Missed != 0 || got.Objects == 0 {
			t.Errorf("reconcile found %+v", got)
		}
	}
	l.end(t)
}
