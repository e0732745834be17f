package recover_test

import (
	"fmt"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

func TestAnOrderlyRestartDelaysNothing(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	for i := range 3 {
		key := coin.AssetsKey(fmt.Sprintf("%d.json", i))
		s.Put(t, key, coin.Assets(coin.Day(time.June, 1+i), coin.Asset("bitcoin", "1", "1")), nil)
		took := s.WaitSteps(t, key)[key]
		t.Logf("after %d restarts: in silver %d ms after the put, in gold %d ms", i, took["silver"], took["gold"])
		// The pin of a reactor that has left used to hold its successor up for 4.5 s.
		if took["gold"] > 3000 {
			t.Errorf("after %d restarts the object took %d ms to gold", i, took["gold"])
		}
		if end := r.Stop(t); end.Code != 0 {
			t.Errorf("the reactor did not stop in order: %s", end)
		}
		r = s.StartReactor(t)
	}
	s.CheckEqual(t)
}
