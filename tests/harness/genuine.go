package harness

import (
	"os"
	"path/filepath"
	"testing"
)

// Genuine returns the folder of recorded CoinCap responses. It is not part of the project, so a test that needs it has the build
// tag genuine and fails without it.
func Genuine(t testing.TB) string {
	t.Helper()
	shared := os.Getenv("MILLRACE_SHARED")
	if shared == "" {
		t.Fatal("set MILLRACE_SHARED to the folder that has data/ with recorded responses")
	}
	return filepath.Join(shared, "data")
}
