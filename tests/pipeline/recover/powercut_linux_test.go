package recover_test

import (
	"testing"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/reconcile"
	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
)

// Only Linux ends the children of a killed process with it.
func TestAPowerCutLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	l := s.StartLoad(t, loadRate, 2)
	time.Sleep(3 * time.Second)
	s.Kill() // MinIO, the broker and the reactor, all at once
	harness.Eventually(t, "puts fail", func() bool { n, _ := l.Failed(); return n > 0 })
	l.Stop()
	if l.Count() < 20 {
		t.Fatalf("that was no cut under load: %d objects", l.Count())
	}
	s.Restart(t)
	l.Arrived(t, s.Lake)
	// The store may have kept an object that it could no longer acknowledge, and whose event died with it. The reconciler finds that one.
	harness.Eventually(t, "the ledger knows every object in bronze", func() bool {
		known := map[string]bool{}
		for _, e := range s.Ledger(t) {
			known[e.Object()] = true
		}
		for o, err := range reconcile.Objects(t.Context(), bucket.Bucket{Client: s.Client(), Name: s.Bucket()}, "") {
			if err != nil {
				t.Fatal(err)
			}
			if !known[catalog.Version(o.Key, o.Version)] {
				return false
			}
		}
		return true
	})
	s.Settled(t)
	s.CheckEqual(t)
	t.Logf("%d objects were acknowledged before the cut", l.Count())
}
