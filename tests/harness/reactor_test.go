package harness_test

import (
	"strings"
	"testing"

	"millrace/tests/harness"
	"millrace/tests/harness/home"
)

func TestAKilledReactorComesBackAtTheSameAddress(t *testing.T) {
	s := harness.Start(t)
	if s.HTTP == "" || strings.HasSuffix(s.HTTP, ":0") {
		t.Fatalf("the stack does not know where its reactor listens: %q", s.HTTP)
	}
	if got := s.Vars(t, "owner")["MILLRACE_HTTP_ADDR"]; got != s.HTTP {
		t.Errorf("the owner is told %q, the reactor listens at %q", got, s.HTTP)
	}
	s.KillChild(t, "reactor")
	harness.Eventually(t, "it is ready", func() bool { return home.ReactorReady(t.Context(), s.HTTP) == nil })
}

func TestATestCanRunReactorsItself(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
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
