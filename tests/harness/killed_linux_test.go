package harness_test

import (
	"testing"

	"millrace/tests/harness"
)

// Only Linux has a parent-death signal. Elsewhere the next start names the port that a child still holds.
func TestAKilledStackTakesItsChildrenWithIt(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	s.Kill()
	// Its process may stay as a zombie where nobody reaps orphans; what it held is free all the same.
	harness.Eventually(t, "MinIO is gone", func() bool { return !listening(s.S3) })
	if r := s.Run(t, "stack", "status"); r.Code != 1 {
		t.Errorf("a killed stack still counts as ready: %s", r)
	}
	s.Restart(t)
}
