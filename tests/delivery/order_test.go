package delivery_test

import (
	"context"
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

// orderFaults deliver too much and in no order.
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
				n := publishDuplicates(t.Context(), t, js, events, func(s string) string { return s }, 1000*len(events), random, nil)
				return fmt.Sprintf("%d events", n)
			}},
	}
}

// publishDuplicates publishes n copies of old events, to subject of where each was published first, each under a message id of its own, or the stream would drop it.
func publishDuplicates(ctx context.Context, t testing.TB, js jetstream.JetStream, events [][]byte, subject func(string) string, n int, random *rand.Rand, progress func(int)) int {
	t.Helper()
	var futures []jetstream.PubAckFuture
	for i := range n {
		body := events[random.IntN(len(events))]
		o, err := event.Unmarshal(body)
		if err != nil {
			t.Fatal(err)
		}
		m := nats.NewMsg(subject(event.SubjectOf(o, func(string) bool { return true })))
		m.Data = body
		m.Header.Set("Lake-Event-Id", string(o.ID()))
		m.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s:copy-%d", o.ID(), i))
		f, err := js.PublishMsgAsync(m)
		if err != nil {
			t.Fatalf("publish copy %d: %v", i, err)
		}
		if futures = append(futures, f); len(futures) < 2000 && i < n-1 {
			continue
		}
		for _, f := range futures {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				t.Fatalf("publish a copy: %v", err)
			case <-time.After(harness.Patience):
				t.Fatal("the broker does not answer")
			}
		}
		futures = futures[:0]
		if progress != nil {
			progress(i + 1)
		}
	}
	return n
}

var duplicates = flag.Int("duplicates", 0, "deliver old events `N` times beside live ones, in place of a soak")
