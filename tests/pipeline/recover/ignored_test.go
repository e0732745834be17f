package recover_test

import (
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// One rule for the event, the listing and wait: what another engine or an S3 tool leaves beside its data is no data.
func TestMarkersOfOtherEnginesAreIgnored(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	for _, name := range []string{"sub/", "_SUCCESS", "_committed_7", "_temporary/0/x.json", ".x.json.crc"} {
		s.Put(t, coin.AssetsKey(name), nil, nil)
	}
	key := coin.AssetsKey("x.json")
	s.Put(t, key, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.Wait(t, key)
	s.Settled(t)
	if letters := s.DeadLetters(t); len(letters) != 0 {
		t.Errorf("markers became dead letters: %+v", letters)
	}
	if got, want := reconcileNow(t, s), (reconciled{Objects: 1}); got != want {
		t.Errorf("reconcile found %+v, want %+v", got, want)
	}
	if r := s.Run(t, "reactor", "wait", "--key", coin.AssetsKey("_SUCCESS")); r.Code == 0 || !strings.Contains(r.Stderr, "is ignored: names that begin with _") {
		t.Errorf("wait for a marker: %s", r)
	}
	s.CheckEqual(t)
}
