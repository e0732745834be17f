package delivery_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"millrace/tests/harness"
)

// newWholeLab starts the real stack program, as `go tool task up` does. Its ports stay the same over restarts.
func newWholeLab(t testing.TB, dir string) *lab {
	t.Helper()
	whole := harness.Start(t, harness.InHome(dir), harness.WithEnv(
		fmt.Sprintf("MILLRACE_S3_PORT=%d", harness.FreePort(t)), fmt.Sprintf("MILLRACE_NATS_PORT=%d", harness.FreePort(t)),
		"MILLRACE_HTTP_ADDR="+harness.FreeAddress(t), "MILLRACE_RECONCILE_EVERY="+reconcileEvery.String()))
	return &lab{Lake: whole.Lake, whole: whole, reactorLog: filepath.Join(dir, "log", "reactor.log")}
}
