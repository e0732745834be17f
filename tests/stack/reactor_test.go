package stack_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"millrace/tests/stack"
)

func TestAKilledReactorComesBackAtTheSameAddress(t *testing.T) {
	s := stack.Start(t)
	if s.HTTP == "" || strings.HasSuffix(s.HTTP, ":0") {
		t.Fatalf("the stack does not know where its reactor listens: %q", s.HTTP)
	}
	if got := s.Vars(t, "owner")["MILLRACE_HTTP_ADDR"]; got != s.HTTP {
		t.Errorf("the owner is told %q, the reactor listens at %q", got, s.HTTP)
	}
	before := s.ChildPID(t, "reactor")
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	stack.Eventually(t, "another reactor runs", func() bool { return s.ChildPID(t, "reactor") != before })
	stack.Eventually(t, "it is ready", func() bool {
		response, err := http.Get("http://" + s.HTTP + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	})
}

func TestATestCanRunReactorsItself(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	first := s.StartReactor(t)
	second := s.StartReactor(t)
	first.Kill()
	if !first.Ended() || second.Ended() {
		t.Errorf("killed: %v, the other ended: %v", first.Ended(), second.Ended())
	}
	if r := second.Stop(t); r.Code != 0 {
		t.Errorf("an orderly end: %s", r)
	}
}
