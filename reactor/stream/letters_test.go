package stream_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/reactor/event"
	"millrace/reactor/stream"
	"millrace/tests/harness"
)

// broker starts a nats-server for the test and makes the streams.
func broker(t *testing.T) jetstream.JetStream {
	t.Helper()
	js, _ := brokerAs(t, nats.UserReactor)
	return js
}

// brokerAs does the same and connects as a user.
func brokerAs(t *testing.T, user string) (jetstream.JetStream, *natsclient.Conn) {
	t.Helper()
	nc, err := harness.Broker(t).Connect(user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := stream.Client(nc, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := streams.Ensure(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	return js, nc
}

// run runs a part of the reactor until the test ends.
func run(t *testing.T, part interface{ Run(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := part.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func letters(t *testing.T, js jetstream.JetStream) []stream.DeadLetter {
	t.Helper()
	all, err := stream.DeadLettersOf(t.Context(), js, "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func object(key string, at int) event.Object {
	return event.Object{Bucket: "b", Key: key, Version: fmt.Sprint("v", at), ModifiedAt: time.UnixMilli(int64(at)).UTC(), ETag: "e", Size: 1}
}

const subject = "lake.ev.bronze.x"

func publish(t *testing.T, js jetstream.JetStream, o event.Object, run string) {
	t.Helper()
	if _, err := js.PublishMsg(t.Context(), stream.Message(o, subject, run)); err != nil {
		t.Fatal(err)
	}
}

// outcomes plays a promoter that returns what the test wants for each object, and a ledger of what was done.
type outcomes struct {
	mu   sync.Mutex
	dead map[event.ID]bool
	done map[string]time.Time // by key, the newest version
}

func (o *outcomes) handle(_ context.Context, batch []event.Delivery) []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	errs := make([]error, len(batch))
	for i, d := range batch {
		if o.dead[d.Object.ID()] {
			errs[i] = event.Deadf("unreadable %s", d.Object.Version)
			continue
		}
		if d.Object.ModifiedAt.After(o.done[d.Object.Key]) {
			o.done[d.Object.Key] = d.Object.ModifiedAt
		}
	}
	return errs
}

func (o *outcomes) obsolete(_ context.Context, object event.Object) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ok := o.done[object.Key]
	return ok && !at.Before(object.ModifiedAt), nil
}

func (o *outcomes) mend(object event.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.dead, object.ID())
}

func TestALetterStaysUntilItsEventNeedsNobody(t *testing.T) {
	js, log := broker(t), slog.New(slog.DiscardHandler)
	old, broken, other := object("a", 1), object("a", 2), object("other", 1)
	o := &outcomes{dead: map[event.ID]bool{old.ID(): true, broken.ID(): true, other.ID(): true}, done: map[string]time.Time{}}
	keeper := stream.NewLetters(js, log, o.obsolete)
	run(t, keeper)
	run(t, &stream.Consumer{JS: js, Log: log, Name: "c", Subjects: []string{subject}, Handle: o.handle, Letters: keeper})

	for _, x := range []event.Object{old, broken, other} {
		publish(t, js, x, "")
	}
	eventually(t, "three letters", func() bool { return len(letters(t, js)) == 3 })
	first := map[string]stream.DeadLetter{}
	for _, l := range letters(t, js) {
		first[l.EventID] = l
		if l.Attempts != 1 || !l.First.Equal(l.At) || l.Consumer != "c" || l.Subject != subject {
			t.Errorf("a first letter: %+v", l)
		}
	}

	// A retry fails again: there is one letter, which remembers the first time.
	publish(t, js, broken, "again")
	var again stream.DeadLetter
	eventually(t, "the newer letter is alone", func() bool {
		all := letters(t, js)
		again = all[len(all)-1]
		return len(all) == 3 && again.EventID == string(broken.ID()) && again.Sequence > first[string(broken.ID())].Sequence
	})
	if was := first[string(broken.ID())]; again.Attempts != 2 || !again.First.Equal(was.At) || !again.At.After(was.At) {
		t.Errorf("the letter of the second time: %+v, the first was %+v", again, was)
	}

	// A retry keeps the letter until the event is done. Then this letter and the older version's go.
	o.mend(broken)
	if err := stream.Retry(t.Context(), js, again, func(event.Object) string { return subject }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the letters of both versions are gone", func() bool {
		all := letters(t, js)
		return len(all) == 1 && all[0].EventID == string(other.ID())
	})
	// The older version dies again in a replay. A newer one is promoted, so the letter is obsolete.
	publish(t, js, old, "replay")
	publish(t, js, object("marker", 1), "")
	eventually(t, "the replay is through", func() bool { _, done := o.at("marker"); return done })
	eventually(t, "the letter of the older version is gone again", func() bool { return len(letters(t, js)) == 1 })

	// A starting reactor finds letters that became obsolete while none ran.
	o.mu.Lock()
	o.done["other"] = other.ModifiedAt
	o.mu.Unlock()
	run(t, stream.NewLetters(js, log, o.obsolete))
	eventually(t, "no letter is left", func() bool { return len(letters(t, js)) == 0 })
}

func (o *outcomes) at(key string) (time.Time, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ok := o.done[key]
	return at, ok
}

func TestWhatTheServerGivesUpIsADeadLetter(t *testing.T) {
	js, log := broker(t), slog.New(slog.DiscardHandler)
	one, two := object("one", 1), object("two", 2)
	publish(t, js, one, "")
	publish(t, js, two, "")
	events, err := js.Stream(t.Context(), streams.Events)
	if err != nil {
		t.Fatal(err)
	}
	// These consumers have a limit of deliveries. The stranger's does not count.
	advisories, err := js.Stream(t.Context(), streams.Advisories)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"edited", "stranger"} {
		c, err := events.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 1, AckWait: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		batch, err := c.Fetch(2, jetstream.FetchMaxWait(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for m := range batch.Messages() {
			if n++; n == 2 {
				if err := m.TermWithReason("not wanted"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n != 2 {
			t.Fatalf("%s got %d messages", name, n)
		}
		eventually(t, "the server has told of both messages of "+name, func() bool {
			if _, err := c.Next(jetstream.FetchMaxWait(100 * time.Millisecond)); err == nil { // the server sends an advisory only during a pull
				t.Fatal("a message came beyond its limit")
			}
			info, err := advisories.Info(t.Context())
			return err == nil && info.State.Msgs == uint64(2*(i+1))
		})
	}
	reader := stream.NewAdvisoryReader(js, log)
	reader.Watch("edited")
	run(t, reader)
	eventually(t, "two dead letters", func() bool { return len(letters(t, js)) == 2 })
	reasons := map[string]string{}
	for _, l := range letters(t, js) {
		if l.Consumer != "edited" || l.Subject != subject {
			t.Errorf("letter %+v", l)
		}
		reasons[l.EventID] = l.Reason
	}
	if !strings.Contains(reasons[string(one.ID())], "gave up after 1 deliveries") || !strings.Contains(reasons[string(two.ID())], "not wanted") {
		t.Errorf("reasons: %v", reasons)
	}
	eventually(t, "all advisories are read", func() bool {
		c, err := advisories.Consumer(t.Context(), "advisories")
		if err != nil {
			return false
		}
		info, err := c.Info(t.Context())
		return err == nil && info.NumPending == 0 && info.NumAckPending == 0
	})
	if n := len(letters(t, js)); n != 2 {
		t.Errorf("%d dead letters, want 2", n)
	}
}
