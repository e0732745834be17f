package delivery_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
	"millrace/reactor/stream"
	"millrace/tests/harness"
	"millrace/tests/harness/broker"
	"millrace/tests/harness/catalog"
)

// quiet is how long the latency of live objects is measured without duplicates.
var quiet = flag.Duration("quiet", 45*time.Second, "how long the latency without duplicates is measured")

// TestDuplicates delivers old events again and again while live objects arrive, one a second: their latency may not suffer,
// and no copy may make a snapshot.
func TestDuplicates(t *testing.T) {
	if *duplicates == 0 {
		t.Log("duplicates are for `go tool task soak -- --duplicates 1000000`")
		return
	}
	l := newLab(t, t.TempDir(), nil, "MILLRACE_RECONCILE_EVERY=1m")
	old := l.StartLoad(t, 50, *seed)
	l.flows(t, old, 400)
	old.Stop()
	l.prove(t, old, time.Now())
	js := l.JetStream(t)
	events := l.Messages(t, "EV", "lake.ev.bronze.>")

	say("latency of live objects, one a second, for %s", *quiet)
	before := l.startLive(t, *seed+1)
	time.Sleep(*quiet)
	before.Stop()
	base := l.latencies(t, before)
	say("PUT to silver without duplicates: %s", describe(base))

	made := l.watchSnapshots(t)
	during := l.startLive(t, *seed+2)
	say("%d copies of %d old events", *duplicates, len(events))
	started, last := time.Now(), time.Now()
	copies{
		events: events, n: *duplicates, subject: stream.AgainSubject, random: rand.New(rand.NewPCG(*seed, 5)),
		progress: func(n int) {
			if time.Since(last) > 10*time.Second {
				last = time.Now()
				say("%d published, %.0f a second, %d wait", n, float64(n)/time.Since(started).Seconds(), waiting(t, js))
			}
		},
	}.publish(t, js)
	harness.Eventually(t, "all copies are worked on", func() bool { return waiting(t, js) < 20 }) // live ones come all the time
	took := time.Since(started)
	time.Sleep(max(0, 20*time.Second-took))
	during.Stop()
	got := l.latencies(t, during)
	say("%d copies in %.0f s, %.0f a second", *duplicates, took.Seconds(), float64(*duplicates)/took.Seconds())
	say("PUT to silver meanwhile: %s", describe(got))

	for table, n := range made(t) {
		if n > during.Count() {
			t.Errorf("%d snapshots of %s for %d live objects: copies made some", n, table, during.Count())
		}
	}
	for _, q := range []int{50, 95} {
		if b, g := quantile(base, q), quantile(got, q); g > 2*b {
			t.Errorf("p%d of PUT to silver is %d ms beside duplicates and %d ms without: more than twice", q, g, b)
		}
	}
	during.Join(old)
	during.Join(before)
	f := l.prove(t, during, time.Now())
	fmt.Printf("\nacknowledged %d, lost %d, doubled %d, rows missing %d, in excess %d; %d copies\nPUT to silver: %s without copies, %s beside them\n",
		f.Acknowledged, f.Lost, f.Doubled, f.Missing, f.Excess, *duplicates, describe(base), describe(got))
}

// startLive puts one object a second.
func (l *lab) startLive(t testing.TB, seed uint64) *harness.Load { return l.StartLoad(t, 1, seed) }

// latencies sorts the times from the puts of a load to their silver commits, in ms.
func (l *lab) latencies(t testing.TB, ld *harness.Load) []int {
	t.Helper()
	harness.Eventually(t, "all live objects are in silver", func() bool { return len(l.unknown(t, ld.Recent(0))) == 0 })
	took, err := catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).Latency)
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, object := range ld.Recent(0) {
		if d, done := took[object]; done {
			all = append(all, int(d.Milliseconds()))
		}
	}
	slices.Sort(all)
	return all
}

func quantile(sorted []int, percent int) int {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

func describe(sorted []int) string {
	return fmt.Sprintf("p50 %d ms, p95 %d ms, max %d ms (%d objects)", quantile(sorted, 50), quantile(sorted, 95), quantile(sorted, 100), len(sorted))
}

// waiting counts the events that no consumer has finished yet.
func waiting(t testing.TB, js jetstream.JetStream) (n uint64) {
	t.Helper()
	for _, name := range []string{streams.Events, streams.Again} {
		consumers, err := broker.Consumers(t.Context(), js, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range consumers {
			n += c.NumPending + uint64(c.NumAckPending)
		}
	}
	return n
}
