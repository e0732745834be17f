package pipeline_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/reconcile"
	"millrace/tests/stack"
)

// Only Linux ends the children of a killed process with it.
func TestAPowerCutLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t)
	l := startLoad(t, s, rand.New(rand.NewPCG(2, 2)))
	time.Sleep(3 * time.Second)
	s.Kill() // MinIO, the broker and the reactor, all at once
	<-l.done
	if l.err == nil || len(l.versions) < 20 {
		t.Fatalf("that was no cut under load: %v, %d objects", l.err, len(l.versions))
	}
	s.Restart(t)
	l.arrived(t, s)
	// The store may have kept an object that it could acknowledge no more, whose event died with it: the reconciler's.
	stack.Eventually(t, "the ledger knows every object in bronze", func() bool {
		known := map[string]bool{}
		for _, e := range ledger(t, s) {
			known[e.Key+" "+e.Version] = true
		}
		for o, err := range reconcile.Objects(t.Context(), bucket.Bucket{Client: s.Client(), Name: s.Bucket()}, "") {
			if err != nil {
				t.Fatal(err)
			}
			if !known[o.Key+" "+o.Version] {
				return false
			}
		}
		return true
	})
	settled(t, s)
	checkEqual(t, s)
	t.Logf("%d objects were acknowledged before the cut", len(l.versions))
}
