package delivery_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
	"millrace/tests/harness"
)

// orderFaults delivers events out of order and again.
func orderFaults() []fault {
	return []fault{
		{name: "out of order: MinIO's messages once more, shuffled", sees: "nothing; no new snapshot",
			inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
				js := l.JetStream(t)
				messages := l.Messages(t, "RAW", "lake.raw.fast")
				random.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
				for _, m := range messages {
					if _, err := js.Publish(t.Context(), "lake.raw.replay", m); err != nil {
						t.Fatal(err)
					}
				}
				return fmt.Sprintf("%d messages", len(messages))
			}},
		{name: "thousandfold duplicates: each of 5 events 1,000 times", sees: "nothing; no new snapshot", draw: true,
			inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
				js := l.JetStream(t)
				events := l.Messages(t, "EV", "lake.ev.bronze.>")
				events = events[:min(5, len(events))]
				c := copies{events: events, n: 1000 * len(events), subject: func(s string) string { return s }, random: random}
				c.publish(t, js)
				return fmt.Sprintf("%d events", c.n)
			}},
	}
}

// copies publishes old events again.
type copies struct {
	events  [][]byte
	n       int                 // how many copies
	subject func(string) string // where a copy goes, by where its event was published first
	random  *rand.Rand
	// progress, when set, hears how many copies are out.
	progress func(int)
}

// copiesInFlight bounds the copies that no answer has come to yet.
const copiesInFlight = 2000

// publish publishes the copies, each under a message id of its own, or the stream would drop it.
func (c copies) publish(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	var answers []jetstream.PubAckFuture
	for i := range c.n {
		body := c.events[c.random.IntN(len(c.events))]
		o, err := event.Unmarshal(body)
		if err != nil {
			t.Fatal(err)
		}
		m := nats.NewMsg(c.subject(event.SubjectOf(o, func(string) bool { return true })))
		m.Data = body
		m.Header.Set("Lake-Event-Id", string(o.ID()))
		m.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s:copy-%d", o.ID(), i))
		answer, err := js.PublishMsgAsync(m)
		if err != nil {
			t.Fatalf("publish copy %d: %v", i, err)
		}
		if answers = append(answers, answer); len(answers) < copiesInFlight && i < c.n-1 {
			continue
		}
		for _, a := range answers {
			select {
			case <-a.Ok():
			case err := <-a.Err():
				t.Fatalf("publish a copy: %v", err)
			case <-time.After(harness.Patience):
				t.Fatal("the broker does not answer")
			}
		}
		answers = answers[:0]
		if c.progress != nil {
			c.progress(i + 1)
		}
	}
}

var duplicates = flag.Int("duplicates", 0, "deliver old events `N` times beside live ones, in place of a soak")
