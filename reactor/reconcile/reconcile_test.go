package reconcile

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/reactor/event"
)

// broker plays JetStream and the reactor behind it, for orders of events that the real ones rarely show.
type broker struct {
	entries  map[string]bool // the ledger
	outdated map[string]bool // events that an earlier definition read
	seen     map[string]bool // message ids within the window
	sent     []string        // "<key>" for a first copy, "<key> again" for one under a new id
	arrives  []event.Object  // events that get worked on while the reconciler waits
	drained  bool
	waits    int
	lookedUp int // most ids asked for at once
}

func (b *broker) Known(_ context.Context, ids []string) (map[string]bool, error) {
	b.lookedUp = max(b.lookedUp, len(ids))
	known := map[string]bool{}
	for _, id := range ids {
		known[id] = b.entries[id]
	}
	return known, nil
}

func (b *broker) EmptyLedger(context.Context) (bool, error) { return len(b.entries) == 0, nil }

func (b *broker) OutdatedOf(_ context.Context, ids []string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, id := range ids {
		if b.outdated[id] {
			found[id] = true
		}
	}
	return found, nil
}

func (b *broker) publish(objects []event.Object, run, nonce string) (func(context.Context) ([]event.Object, error), error) {
	id, copies := run+nonce, objects
	for _, o := range objects {
		id = string(o.ID()) + id
	}
	for _, o := range objects {
		line := o.Key
		if run != "" {
			line += " in a run"
		}
		if nonce != "" {
			line += " again"
		}
		if !b.seen[id] {
			b.sent, copies = append(b.sent, line), nil
		}
	}
	b.seen[id] = true
	return func(context.Context) ([]event.Object, error) { return copies, nil }, nil
}

func (b *broker) wait(context.Context, bool) (bool, error) {
	b.waits++
	for _, o := range b.arrives {
		b.entries[string(o.ID())] = true
	}
	return b.drained, nil
}

func object1(i int, at time.Time) event.Object {
	return event.Object{Bucket: "b", Key: fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-01-01/%06d.json", i), Version: "v", ModifiedAt: at, ETag: "e"}
}

func reconciler(b *broker, objects ...event.Object) *Reconciler {
	list := func(_ context.Context, prefix string) iter.Seq2[event.Object, error] {
		return func(yield func(event.Object, error) bool) {
			for _, o := range objects {
				if strings.HasPrefix(o.Key, prefix) && !yield(o, nil) {
					return
				}
			}
		}
	}
	r := New(list, b, b.publish, b.wait)
	r.settle = 0
	return r
}

func newBroker(known ...event.Object) *broker {
	b := &broker{entries: map[string]bool{}, seen: map[string]bool{}, drained: true}
	for _, o := range known {
		b.entries[string(o.ID())] = true
		b.seen[string(o.ID())] = true
	}
	return b
}

func expect(t *testing.T, r *Reconciler, want Found, sent ...string) {
	t.Helper()
	b := r.ledger.(*broker)
	b.sent = nil
	got, err := r.Pass(t.Context(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(got.Missed, func(_ Cause, n int) bool { return n == 0 })
	if got.Objects != want.Objects || got.Waiting != want.Waiting || !maps.Equal(got.Missed, want.Missed) {
		t.Errorf("found %+v, want %+v", got, want)
	}
	if !slices.Equal(b.sent, sent) {
		t.Errorf("published %q, want %q", b.sent, sent)
	}
}

func TestAnObjectOnItsWayIsNotMissed(t *testing.T) {
	known, young, lost := object1(1, time.Now()), object1(2, time.Now()), object1(3, time.Now())
	b := newBroker(known)
	b.arrives = []event.Object{young}
	expect(t, reconciler(b, known, young, lost), Found{Objects: 3, Missed: map[Cause]int{Unannounced: 1}}, lost.Key)
}

// The store's clock may be years ahead of ours or behind. That neither hides an object nor makes it missed.
func TestClocksDecideNothing(t *testing.T) {
	for _, at := range []time.Time{time.Unix(1, 0), time.Now().AddDate(100, 0, 0)} {
		known, young, lost := object1(1, at), object1(2, at), object1(3, at)
		b := newBroker(known)
		b.arrives = []event.Object{young}
		expect(t, reconciler(b, known, young, lost), Found{Objects: 3, Missed: map[Cause]int{Unannounced: 1}}, lost.Key)
	}
}

func TestNothingMissedWaitsForNothing(t *testing.T) {
	known := object1(1, time.Now())
	b := newBroker(known)
	expect(t, reconciler(b, known), Found{Objects: 1})
	if b.waits != 0 {
		t.Errorf("waited %d times", b.waits)
	}
}

func TestABacklogIsLeftToTheConsumers(t *testing.T) {
	known, queued := object1(1, time.Now()), object1(2, time.Now())
	b := newBroker(known)
	b.drained = false
	expect(t, reconciler(b, known, queued), Found{Objects: 2, Waiting: 1})
}

// The broker remembers events for ten minutes. After yesterday's ledger is restored, it would drop them all.
func TestWhatTheLedgerForgotIsPublishedAnewOnce(t *testing.T) {
	known, forgotten := object1(1, time.Now()), object1(2, time.Now())
	b := newBroker(known, forgotten)
	delete(b.entries, string(forgotten.ID()))
	r := reconciler(b, known, forgotten)
	expect(t, r, Found{Objects: 2, Missed: map[Cause]int{Forgotten: 1}}, forgotten.Key+" again")
	// It fails for another reason, so the ledger lacks it at the next pass, which must not send another copy.
	expect(t, r, Found{Objects: 2, Waiting: 1})
}

func TestAnEmptyLedgerIsFilledAtOnce(t *testing.T) {
	lost, seen, young := object1(1, time.Now()), object1(2, time.Now()), object1(3, time.Now())
	b := newBroker()
	b.seen[string(seen.ID())], b.seen[string(young.ID())] = true, true
	b.arrives = []event.Object{young}
	expect(t, reconciler(b, lost, seen, young), Found{Objects: 3, Missed: map[Cause]int{NewLedger: 1, Forgotten: 1}}, lost.Key, seen.Key+" again")
}

// The events of many share messages, which the broker knows only if it had the same ones before: from a ledger that is gone again.
func TestManyObjectsFillAnEmptyLedgerByFewMessages(t *testing.T) {
	b := newBroker()
	var all []event.Object
	var keys, again []string
	for i := range together + 1 {
		o := object1(i+1, time.Now())
		all, keys, again = append(all, o), append(keys, o.Key), append(again, o.Key+" again")
	}
	b.seen[string(all[0].ID())] = true
	r := reconciler(b, all...)
	expect(t, r, Found{Objects: len(all), Missed: map[Cause]int{NewLedger: len(all)}}, keys...)
	expect(t, r, Found{Objects: len(all), Missed: map[Cause]int{Forgotten: len(all)}}, again...)
}

func TestManyObjectsPassInBoundedMemory(t *testing.T) {
	known := object1(0, time.Now())
	objects := []event.Object{known}
	for i := range 2*most + 5 {
		objects = append(objects, object1(i+1, time.Now()))
	}
	b := newBroker(known)
	r := reconciler(b, objects...)
	found, err := r.Pass(t.Context(), nil, "")
	if err != nil || found.Total() != len(objects)-1 || b.waits != 2 || b.lookedUp > page {
		t.Errorf("found %+v, %v; %d waits, %d ids at once", found, err, b.waits, b.lookedUp)
	}
}

func TestTheNewestDaysAreChosenByName(t *testing.T) {
	const dataset = "bronze/coincap/assets/"
	got := newest([]string{dataset + "ingest_date=2026-01-02/", dataset + "ingest_date=2025-12-31/", dataset + "other/", dataset + "ingest_date=2026-01-10/", dataset + "ingest_date=soon/"}, 2)
	if want := []string{dataset + "ingest_date=2026-01-02/", dataset + "ingest_date=2026-01-10/"}; !slices.Equal(got, want) {
		t.Errorf("newest: %v, want %v", got, want)
	}
}

// Objects that an earlier definition read are read again as a replay, the newest first, and once: the broker may know their events, and
// the reactor may take longer than until the next pass.
func TestObjectsOfAnEarlierDefinitionAreReadAgainOnce(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	objects := []event.Object{object1(1, at), object1(2, at), object1(3, at), object1(4, at)}
	b := &broker{entries: map[string]bool{string(objects[0].ID()): true}, outdated: map[string]bool{}, seen: map[string]bool{}, drained: true}
	for _, o := range objects[1:3] {
		b.outdated[string(o.ID())], b.seen[string(o.ID())] = true, true
	}
	r := New(func(context.Context, string) iter.Seq2[event.Object, error] {
		return func(yield func(event.Object, error) bool) {
			for _, o := range objects {
				if !yield(o, nil) {
					return
				}
			}
		}
	}, b, b.publish, b.wait)
	r.settle = 0
	for pass := range 2 {
		found, err := r.Pass(t.Context(), nil, "")
		if err != nil {
			t.Fatal(err)
		}
		want := []Found{{Outdated: 2, Missed: map[Cause]int{Unannounced: 1}}, {Waiting: 2}}[pass]
		if found.Outdated != want.Outdated || found.Waiting != want.Waiting || found.Total() != want.Total() {
			t.Errorf("pass %d: %+v, want %+v", pass, found, want)
		}
		b.entries[string(objects[3].ID())] = true
	}
	key := func(i int) string { return objects[i].Key }
	if want := []string{key(2) + " in a run", key(1) + " in a run", key(3)}; !slices.Equal(b.sent, want) {
		t.Errorf("sent %v, want %v", b.sent, want)
	}
}
