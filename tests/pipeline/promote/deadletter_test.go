package promote_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

func TestDeadLettersAreShownRetriedAndDropped(t *testing.T) {
	s := harness.Start(t)
	broken, unknown := coin.AssetsKey("broken.json"), "bronze/coincap/candles/ingest_date=2025-06-30/x.json"
	s.Put(t, broken, []byte(`{"timestamp":1750000000000,"data":[{"id":"bitcoin"`), nil)
	s.Put(t, unknown, []byte("{}"), nil)
	s.AwaitDeadLetters(t, 2)
	s.Settled(t)
	byKey := func() map[string]harness.DeadLetter {
		t.Helper()
		m := map[string]harness.DeadLetter{}
		for _, l := range s.DeadLetters(t) {
			if l.Key == nil || m[*l.Key].ID != 0 {
				t.Fatalf("not one dead letter an object: %+v", s.DeadLetters(t))
			}
			m[*l.Key] = l
		}
		return m
	}
	letters := byKey()
	if letters[broken].Consumer != "silver-asset_snapshots" || letters[unknown].Consumer != "stray" {
		t.Errorf("dead letters: %+v", letters)
	}
	for key, l := range letters {
		shown := harness.Rows[struct{ Subject, Reason, Event string }](t, s, "dlq", "show", fmt.Sprint(l.ID))
		if len(shown) != 1 || shown[0].Reason != l.Reason || !strings.Contains(shown[0].Event, key) {
			t.Errorf("dlq show %d: %+v", l.ID, shown)
		}
		if r := s.Run(t, "reactor", "wait", "--key", key); r.Code != 1 || !strings.Contains(r.Stderr, "it is a dead letter") {
			t.Errorf("waiting for a dead letter must end at once: %s", r)
		}
	}
	s.CheckEqual(t) // what cannot be read belongs into no table

	// An object's bytes never change, so a letter about them comes back, as one and with a number of its own.
	s.Reactor(t, "dlq", "retry", fmt.Sprint(letters[broken].ID))
	harness.Eventually(t, "a newer letter is in its place", func() bool {
		all := s.DeadLetters(t)
		return len(all) == 2 && max(all[0].ID, all[1].ID) > max(letters[broken].ID, letters[unknown].ID)
	})
	if was, is := letters[broken], byKey()[broken]; is.Attempts != 2 || is.FirstAt != was.At || is.At == was.At || was.FirstAt != was.At {
		t.Errorf("the letter of the second time: %+v, the first was %+v", is, was)
	}
	if again := byKey(); len(again) != 2 || again[unknown].ID != letters[unknown].ID {
		t.Errorf("after a retry of one: %+v", again)
	}
	for _, gone := range []string{fmt.Sprint(letters[broken].ID), "999"} {
		if r := s.Run(t, "reactor", "dlq", "drop", gone); r.Code != 1 || !strings.Contains(r.Stderr, "no such dead letter: "+gone) {
			t.Errorf("drop of a letter that is not there: %s", r)
		}
	}
	if r := s.Run(t, "reactor", "dlq", "drop"); r.Code != 2 || !strings.Contains(r.Stderr, "--all") {
		t.Errorf("drop of nothing: %s", r)
	}

	s.Reactor(t, "dlq", "drop", "--all")
	if left := s.DeadLetters(t); len(left) != 0 {
		t.Errorf("dropped, and still there: %+v", left)
	}
	if _, err := s.Client().StatObject(t.Context(), s.Bucket(), broken, s3.StatObjectOptions{}); err != nil {
		t.Errorf("the object went with its letter: %v", err)
	}
	// Both die once more in a replay of them alone, and have a letter each again.
	s.Reactor(t, "replay", "--wait")
	s.AwaitDeadLetters(t, 2)
	counts := harness.Rows[struct {
		Dataset string
		Objects int
	}](t, s, "replay", "--dead-letters", "--dry-run")
	if fmt.Sprint(counts) != "[{coincap/assets 1} {coincap/candles 1}]" {
		t.Errorf("a replay of the dead letters would publish %v", counts)
	}
	if got := harness.Rows[struct{ Events int }](t, s, "replay", "--dead-letters", "--dataset", "coincap/assets", "--wait"); got[0].Events != 1 {
		t.Errorf("a replay of one dead letter published %v", got)
	}
	// Somebody puts a better version of the object: that one arrives, and nobody has to look at the old one any more.
	s.Put(t, broken, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.Wait(t, broken)
	alone := func() bool { all := s.DeadLetters(t); return len(all) == 1 && *all[0].Key == unknown }
	harness.Eventually(t, "the letter of the old version is gone", alone)
	s.Reactor(t, "replay", "--wait")
	s.Settled(t)
	harness.Eventually(t, "a replay brings back only the letter of what nobody waits for", alone)
	outcomes := map[string]int{}
	for _, e := range s.Ledger(t) {
		outcomes[e.Outcome]++
	}
	if outcomes["dead"] != 2 || outcomes["done"] != 1 {
		t.Errorf("the ledger has %v", outcomes)
	}
	s.CheckEqual(t)
}
