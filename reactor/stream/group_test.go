package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"

	"millrace/infra/streams"
	"millrace/reactor/event"
	"millrace/reactor/stream"
)

// Events of one message are what they are in messages of their own: each has its outcome and its dead letter. When one fails, the
// message comes again, and ends when the last of them is settled.
func TestEventsThatShareAMessageAreSettledOneByOne(t *testing.T) {
	js := broker(t)
	const subject, name, again = "lake.ev.bronze.coincap.assets", "silver-asset_snapshots", "run-1"
	good, bad, late := letterObject("good.json"), letterObject("bad.json"), letterObject("late.json")
	var mu sync.Mutex
	seen := map[string][]uint64{} // attempts by key
	run(t, &stream.Consumer{
		JS: js, Log: slog.New(slog.DiscardHandler), Name: name, Subjects: []string{subject},
		Handle: func(_ context.Context, batch []event.Delivery) []error {
			mu.Lock()
			defer mu.Unlock()
			errs := make([]error, len(batch))
			for i, d := range batch {
				if d.Run != again {
					t.Errorf("%s came with the run %q", d.Object.Key, d.Run)
				}
				seen[d.Object.Key] = append(seen[d.Object.Key], d.Attempt)
				switch {
				case d.Object == bad:
					errs[i] = event.DeadAs(event.Unreadable, "it is bad")
				case d.Object == late && d.Attempt == 1:
					errs[i] = errors.New("the store is away")
				}
			}
			return errs
		},
	})
	m := stream.Anew(stream.Messages([]event.Object{good, bad, late}, subject, again), "nonce")
	m.Data = append(m.Data, "no event\n"...)
	if _, err := js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message is settled", func() bool {
		c, err := js.Consumer(t.Context(), streams.Again, name)
		if err != nil {
			return false
		}
		info, err := c.Info(t.Context())
		return err == nil && info.AckFloor.Stream == 1 && info.NumAckPending == 0
	})
	mu.Lock()
	defer mu.Unlock()
	for _, o := range []event.Object{good, bad, late} {
		if !slices.Equal(seen[o.Key], []uint64{1, 2}) {
			t.Errorf("%s was delivered with the attempts %v, want 1 and 2: a part of its message failed once", o.Key, seen[o.Key])
		}
	}
	letters, err := stream.DeadLettersOf(t.Context(), js, name)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for _, l := range letters {
		bodies[string(l.Body)] = l.EventID
	}
	if !maps.Equal(bodies, map[string]string{string(bad.Marshal()): string(bad.ID()), "no event": bodies["no event"]}) || len(letters) != 2 {
		t.Errorf("the dead letters are %+v, want those of the bad object and of the line that is no event", letters)
	}
}

// A message of several events is a copy only of one with the same events, run and nonce.
func TestMessagesOfTheSameEventsAreCopies(t *testing.T) {
	js := broker(t)
	const subject = "lake.ev.bronze.coincap.assets"
	a, b, c := letterObject("a.json"), letterObject("b.json"), letterObject("c.json")
	for i, p := range []struct {
		objects    []event.Object
		run, nonce string
		copied     bool
	}{
		{[]event.Object{a, b}, "", "", false}, {[]event.Object{a, b}, "", "", true}, {[]event.Object{a, b, c}, "", "", false}, {[]event.Object{a}, "", "", false},
		{[]event.Object{a, b}, "", "x", false}, {[]event.Object{a, b}, "run", "", false}, {[]event.Object{a, b}, "run", "", true},
	} {
		m := stream.Messages(p.objects, subject, p.run)
		if p.nonce != "" {
			m = stream.Anew(m, p.nonce)
		}
		ack, err := js.PublishMsg(t.Context(), m)
		if err != nil || ack.Duplicate != p.copied {
			t.Errorf("message %d: %+v, %v, want a copy: %v", i, ack, err, p.copied)
		}
	}
}
