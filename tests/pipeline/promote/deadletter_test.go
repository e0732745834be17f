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

// letters is a lake with two objects that die: one that cannot be read, one of a dataset that nobody waits for.
type letters struct {
	*harness.Stack
	broken, unknown string
}

func TestDeadLettersAreShownRetriedAndDropped(t *testing.T) {
	l := letters{harness.Start(t), coin.AssetsKey("broken.json"), "bronze/coincap/candles/ingest_date=2025-06-30/x.json"}
	l.Put(t, l.broken, []byte(`{"timestamp":1750000000000,"data":[{"id":"bitcoin"`), nil)
	l.Put(t, l.unknown, []byte("{}"), nil)
	l.AwaitDeadLetters(t, 2)
	l.Settled(t)
	l.shown(t)
	l.CheckEqual(t) // what cannot be read belongs into no table
	l.retried(t)
	l.dropped(t)
	l.replayed(t)
	l.answered(t)
	l.CheckEqual(t)
}

// byKey lists the letters by their objects, each of which must have one.
func (l letters) byKey(t *testing.T) map[string]harness.DeadLetter {
	t.Helper()
	m := map[string]harness.DeadLetter{}
	for _, d := range l.DeadLetters(t) {
		if d.Key == nil || m[*d.Key].ID != 0 {
			t.Fatalf("not one dead letter an object: %+v", l.DeadLetters(t))
		}
		m[*d.Key] = d
	}
	return m
}

func (l letters) shown(t *testing.T) {
	t.Helper()
	all := l.byKey(t)
	if all[l.broken].Consumer != "silver-asset_snapshots" || all[l.unknown].Consumer != "stray" {
		t.Errorf("dead letters: %+v", all)
	}
	for key, d := range all {
		shown := harness.Rows[struct{ Subject, Reason, Event string }](t, l, "dlq", "show", fmt.Sprint(d.ID))
		if len(shown) != 1 || shown[0].Reason != d.Reason || !strings.Contains(shown[0].Event, key) {
			t.Errorf("dlq show %d: %+v", d.ID, shown)
		}
		if r := l.Run(t, "reactor", "wait", "--key", key); r.Code != 1 || !strings.Contains(r.Stderr, "it is a dead letter") {
			t.Errorf("waiting for a dead letter must end at once: %s", r)
		}
	}
}

// retried retries a letter. An object's bytes never change, so a letter about them comes back, as one and with a number of its own.
func (l letters) retried(t *testing.T) {
	t.Helper()
	before := l.byKey(t)
	l.Reactor(t, "dlq", "retry", fmt.Sprint(before[l.broken].ID))
	harness.Eventually(t, "a newer letter is in its place", func() bool {
		all := l.DeadLetters(t)
		return len(all) == 2 && max(all[0].ID, all[1].ID) > max(before[l.broken].ID, before[l.unknown].ID)
	})
	if was, is := before[l.broken], l.byKey(t)[l.broken]; is.Attempts != 2 || is.FirstAt != was.At || is.At == was.At || was.FirstAt != was.At {
		t.Errorf("the letter of the second time: %+v, the first was %+v", is, was)
	}
	if again := l.byKey(t); len(again) != 2 || again[l.unknown].ID != before[l.unknown].ID {
		t.Errorf("after a retry of one: %+v", again)
	}
	for _, gone := range []string{fmt.Sprint(before[l.broken].ID), "999"} {
		if r := l.Run(t, "reactor", "dlq", "drop", gone); r.Code != 1 || !strings.Contains(r.Stderr, "no such dead letter: "+gone) {
			t.Errorf("drop of a letter that is not there: %s", r)
		}
	}
}

func (l letters) dropped(t *testing.T) {
	t.Helper()
	if r := l.Run(t, "reactor", "dlq", "drop"); r.Code != 2 || !strings.Contains(r.Stderr, "--all") {
		t.Errorf("drop of nothing: %s", r)
	}
	l.Reactor(t, "dlq", "drop", "--all")
	if left := l.DeadLetters(t); len(left) != 0 {
		t.Errorf("dropped, and still there: %+v", left)
	}
	if _, err := l.Client().StatObject(t.Context(), l.Bucket(), l.broken, s3.StatObjectOptions{}); err != nil {
		t.Errorf("the object went with its letter: %v", err)
	}
}

// replayed replays both objects: they die once more, and have a letter each again.
func (l letters) replayed(t *testing.T) {
	t.Helper()
	l.Reactor(t, "replay", "--wait")
	l.AwaitDeadLetters(t, 2)
	counts := harness.Rows[struct {
		Dataset string
		Objects int
	}](t, l, "replay", "--dead-letters", "--dry-run")
	if fmt.Sprint(counts) != "[{coincap/assets 1} {coincap/candles 1}]" {
		t.Errorf("a replay of the dead letters would publish %v", counts)
	}
	if got := harness.Rows[struct{ Events int }](t, l, "replay", "--dead-letters", "--dataset", "coincap/assets", "--wait"); got[0].Events != 1 {
		t.Errorf("a replay of one dead letter published %v", got)
	}
}

// answered puts a better version of the object. That one arrives, and nobody has to look at the old one any more.
func (l letters) answered(t *testing.T) {
	t.Helper()
	l.PutAndWait(t, l.broken, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	alone := func() bool { all := l.DeadLetters(t); return len(all) == 1 && *all[0].Key == l.unknown }
	harness.Eventually(t, "the letter of the old version is gone", alone)
	l.Reactor(t, "replay", "--wait")
	l.Settled(t)
	harness.Eventually(t, "a replay brings back only the letter of what nobody waits for", alone)
	outcomes := map[string]int{}
	for _, e := range l.Ledger(t) {
		outcomes[e.Outcome]++
	}
	if outcomes["dead"] != 2 || outcomes["done"] != 1 {
		t.Errorf("the ledger has %v", outcomes)
	}
}
