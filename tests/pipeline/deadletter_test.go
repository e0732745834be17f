package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"

	"millrace/tests/stack"
)

func TestDeadLettersAreShownRetriedAndDropped(t *testing.T) {
	s := stack.Start(t)
	broken, unknown := assetsKey("broken.json"), "bronze/coincap/candles/ingest_date=2025-06-30/x.json"
	s.Put(t, broken, []byte(`{"timestamp":1750000000000,"data":[{"id":"bitcoin"`), nil)
	s.Put(t, unknown, []byte("{}"), nil)
	stack.Eventually(t, "both are dead letters", func() bool { return len(deadLetters(t, s)) == 2 })
	settled(t, s)
	byKey := func() map[string]deadLetter {
		t.Helper()
		m := map[string]deadLetter{}
		for _, l := range deadLetters(t, s) {
			if l.Key == nil || m[*l.Key].ID != 0 {
				t.Fatalf("not one dead letter an object: %+v", deadLetters(t, s))
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
		shown := rows[struct{ Subject, Reason, Event string }](t, s, "dlq", "show", fmt.Sprint(l.ID))
		if len(shown) != 1 || shown[0].Reason != l.Reason || !strings.Contains(shown[0].Event, key) {
			t.Errorf("dlq show %d: %+v", l.ID, shown)
		}
		if r := s.Run(t, "reactor", "wait", "--key", key); r.Code != 1 || !strings.Contains(r.Stderr, "it is a dead letter") {
			t.Errorf("waiting for a dead letter must end at once: %s", r)
		}
	}
	checkEqual(t, s) // what cannot be read belongs into no table

	// An object's bytes never change, so a letter about them comes back, as one and with a number of its own.
	reactor(t, s, "dlq", "retry", fmt.Sprint(letters[broken].ID))
	stack.Eventually(t, "a newer letter is in its place", func() bool {
		all := deadLetters(t, s)
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

	reactor(t, s, "dlq", "drop", "--all")
	if left := deadLetters(t, s); len(left) != 0 {
		t.Errorf("dropped, and still there: %+v", left)
	}
	if _, err := s.Client().StatObject(t.Context(), s.Bucket(), broken, s3.StatObjectOptions{}); err != nil {
		t.Errorf("the object went with its letter: %v", err)
	}
	// Both die once more in a replay of them alone, and have a letter each again.
	reactor(t, s, "replay", "--wait")
	stack.Eventually(t, "both letters are back", func() bool { return len(deadLetters(t, s)) == 2 })
	counts := rows[struct {
		Dataset string
		Objects int
	}](t, s, "replay", "--dead-letters", "--dry-run")
	if fmt.Sprint(counts) != "[{coincap/assets 1} {coincap/candles 1}]" {
		t.Errorf("a replay of the dead letters would publish %v", counts)
	}
	if got := rows[struct{ Events int }](t, s, "replay", "--dead-letters", "--dataset", "coincap/assets", "--wait"); got[0].Events != 1 {
		t.Errorf("a replay of one dead letter published %v", got)
	}
	// Somebody puts a better version of the object: that one arrives, and nobody has to look at the old one any more.
	s.Put(t, broken, assets(day(time.June, 1), asset("bitcoin", "1", "1")), nil)
	s.Wait(t, broken)
	alone := func() bool { all := deadLetters(t, s); return len(all) == 1 && *all[0].Key == unknown }
	stack.Eventually(t, "the letter of the old version is gone", alone)
	reactor(t, s, "replay", "--wait")
	settled(t, s)
	stack.Eventually(t, "a replay brings back only the letter of what nobody waits for", alone)
	outcomes := map[string]int{}
	for _, e := range ledger(t, s) {
		outcomes[e.Outcome]++
	}
	if outcomes["dead"] != 2 || outcomes["done"] != 1 {
		t.Errorf("the ledger has %v", outcomes)
	}
	checkEqual(t, s)
}

// withoutRules puts objects whose events nobody ever sends: as when the rules of the bucket were lost.
func withoutRules(t testing.TB, s *stack.Stack, put func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rules, err := s.Client().GetBucketNotification(ctx, s.Bucket())
	if err != nil || len(rules.QueueConfigs) != 4 {
		t.Fatalf("the bucket's rules: %v, %v", rules, err)
	}
	if err := s.Client().SetBucketNotification(ctx, s.Bucket(), notification.Configuration{}); err != nil {
		t.Fatal(err)
	}
	put()
	if err := s.Client().SetBucketNotification(ctx, s.Bucket(), rules); err != nil {
		t.Fatal(err)
	}
}

func TestReconcileFindsWhatNoEventBrought(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t)
	came := assetsKey("came.json")
	s.Put(t, came, assets(day(time.June, 1), asset("bitcoin", "1", "1")), nil)
	s.Wait(t, came)
	lost := []string{assetsKey("lost.json"), assetsKey("lost+ é%.json"), historyKey("bitcoin_d1_lost.json"), came}
	withoutRules(t, s, func() {
		s.Put(t, lost[0], assets(day(time.June, 2), asset("bitcoin", "2", "1")), nil)
		s.Put(t, lost[1], assets(day(time.June, 3), asset("bitcoin", "3", "1")), nil)
		s.Put(t, lost[2], points(point(day(time.June, 4), "4")), nil)
		s.Put(t, came, assets(day(time.June, 1), asset("bitcoin", "1.5", "1")), nil) // another version of what came
	})
	missed := func() int {
		t.Helper()
		got := rows[struct{ Missed int }](t, s, "reconcile")
		if len(got) != 1 {
			t.Fatalf("reconcile: %v", got)
		}
		return got[0].Missed
	}
	time.Sleep(6 * time.Second) // for check, an object younger than 5 s is on its way
	if r := s.Run(t, "reactor", "check"); r.Code != 1 || !strings.Contains(r.Stderr, "reactor reconcile") || !strings.Contains(r.Stderr, "lost.json") {
		t.Errorf("check has to tell of objects that were never promoted: %s", r)
	}
	if n := missed(); n != len(lost) {
		t.Errorf("reconcile missed %d objects, want %d", n, len(lost))
	}
	s.Wait(t, lost...)
	settled(t, s)
	if n := missed(); n != 0 {
		t.Errorf("a second reconcile still misses %d", n)
	}
	if n := count(t, s, "select count(*) as n from gold.daily_summary where asset_id = 'bitcoin' and close = [1.5, 2, 3, 4][day - date '2025-05-31']"); n != 4 {
		t.Errorf("gold has %d of 4 days", n)
	}
	checkEqual(t, s)
}

func TestAStartFindsWhatNoEventBrought(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t, stack.WithoutReactor())
	key := assetsKey("x.json")
	s.Put(t, key, assets(day(time.June, 1), asset("bitcoin", "1", "1")), nil)
	s.Stop(t) // MinIO has sent, or keeps for later, whatever it has to send
	s.Restart(t)
	js := jetStream(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, "RAW")
	if err != nil {
		t.Fatal(err)
	}
	stack.Eventually(t, "the copies of both targets are in the stream", func() bool {
		info, err := stream.Info(ctx)
		return err == nil && info.State.Msgs >= 2
	})
	if err := stream.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	startReactor(t, s)
	s.Wait(t, key)
	checkEqual(t, s)
}
