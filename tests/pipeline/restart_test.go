package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"millrace/tests/stack"
)

func TestAnOrderlyRestartDelaysNothing(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	r := startReactor(t, s)
	for i := range 3 {
		key := assetsKey(fmt.Sprintf("%d.json", i))
		s.Put(t, key, assets(day(time.June, 1+i), asset("bitcoin", "1", "1")), nil)
		took := waitSteps(t, s, key)[key]
		t.Logf("after %d restarts: in silver %d ms after the put, in gold %d ms", i, took["silver"], took["gold"])
		// The pin of a reactor that has left used to hold its successor up for 4.5 s.
		if took["gold"] > 3000 {
			t.Errorf("after %d restarts the object took %d ms to gold", i, took["gold"])
		}
		if end := r.Stop(t); end.Code != 0 {
			t.Errorf("the reactor did not stop in order: %s", end)
		}
		r = startReactor(t, s)
	}
	checkEqual(t, s)
}
