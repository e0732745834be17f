package delivery_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"millrace/tests/stack"
)

// newWholeLab starts the real stack program, as `go tool task up` does. Its ports stay the same over restarts.
func newWholeLab(t testing.TB, home string) *lab {
	t.Helper()
	l := &lab{home: home, storePort: freePort(t)}
	l.whole = stack.Start(t, stack.InHome(home), stack.WithEnv(
		fmt.Sprintf("MILLRACE_S3_PORT=%d", l.storePort), fmt.Sprintf("MILLRACE_NATS_PORT=%d", freePort(t)),
		fmt.Sprintf("MILLRACE_HTTP_ADDR=127.0.0.1:%d", freePort(t)), "MILLRACE_RECONCILE_EVERY="+reconcileEvery.String()))
	l.reactorLog = filepath.Join(home, "log", "reactor.log")
	l.client = l.whole.Client()
	return l
}
