package recover_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// One forgotten slash: `cp x.json s3://lakehouse/bronze/coincap/history`. MinIO lists nothing below that key any more.
func TestAnObjectThatHidesBronzeIsAlarmedAndNothingIsProvedRightWithoutIt(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	key, cover := coin.HistoryKey("bitcoin_d1_x.json"), "bronze/coincap/history"
	s.Put(t, key, coin.Points(coin.Point(coin.Day(time.June, 1), "5")), nil)
	s.Wait(t, key)
	s.Settled(t)
	s.Put(t, cover, coin.Points(coin.Point(coin.Day(time.June, 2), "5")), nil)
	const mends = "reactor retract " + "bronze/coincap/history"
	harness.Eventually(t, "readiness says what is hidden, and what mends it", func() bool {
		code, text := harness.Get(t, "http://"+r.Addr+"/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, cover+" hides 1 objects") && strings.Contains(text, key) && strings.Contains(text, mends)
	})
	harness.Eventually(t, "a dead letter says so", func() bool {
		letters := s.DeadLetters(t)
		return len(letters) == 1 && strings.Contains(letters[0].Reason, mends)
	})
	if got := s.Run(t, "reactor", "check"); got.Code != 1 || !strings.Contains(got.Stderr, key) || !strings.Contains(got.Stderr, mends) {
		t.Errorf("check: %s", got)
	}
	if got := s.Run(t, "reactor", "reconcile"); got.Code != 1 || !strings.Contains(got.Stderr, key) || !strings.Contains(got.Stderr, mends) {
		t.Errorf("reconcile: %s", got)
	}
	if n := s.Count(t, "select count(*)::integer as n from silver.asset_prices"); n != 1 {
		t.Errorf("silver has %d rows, want 1: what is hidden is there", n)
	}
	if got := ownerRun(t, s, "retract", cover); got.Code != 0 {
		t.Fatalf("the command that mends it: %s", got)
	}
	harness.Eventually(t, "readiness is back", func() bool {
		code, _ := harness.Get(t, "http://"+r.Addr+"/readyz")
		return code == http.StatusOK
	})
	s.Settled(t)
	if letters := s.DeadLetters(t); len(letters) != 0 {
		t.Errorf("dead letters are left: %+v", letters)
	}
	s.CheckEqual(t)
}
