package stack_test

import (
	"testing"

	"millrace/tests/stack"
)

// Only Linux has a parent-death signal. Elsewhere the next start names the port that a child still holds.
func TestAKilledStackTakesItsChildrenWithIt(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	minio := s.ChildPID(t, "minio")
	s.Kill()
	stack.Eventually(t, "MinIO is gone", func() bool { return gone(minio) })
	if r := s.Run(t, "stack", "status"); r.Code != 1 {
		t.Errorf("a killed stack still counts as ready: %s", r)
	}
	s.Restart(t)
}
