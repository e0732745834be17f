// Package harness gives tests a lakehouse of their own: the project's real programs with a real MinIO and a real
// nats-server, in a folder of the test, on free ports, gone when the test ends. It never skips: a part that is missing is
// built, or the test fails.
//
// A Lake is what a test knows of a lakehouse, whoever runs its parts; a Stack is a Lake whose parts the stack program runs.
// What needs no test, and the benchmark therefore uses too, is in the packages below: home, catalog, metrics.
package harness

import (
	"testing"
	"time"
)

// Patience bounds every wait. It is far beyond what anything takes: a test that hits it has found a defect, and a lake that
// needs longer to heal has not healed.
const Patience = 3 * time.Minute

// Eventually waits until ok holds. The deadline is generous, because a loaded machine is no reason to fail. It looks no more than
// half of the time: some looks are dear, and what is waited for needs the machine as well.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; {
		began := time.Now()
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", Patience, what)
		}
		time.Sleep(max(5*time.Millisecond, time.Since(began)))
	}
}
