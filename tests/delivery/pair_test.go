package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/infra/nats"
	"millrace/reactor/stream"
	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/postgres"
)

// pair is two reactors on one lake whose catalog is in PostgreSQL, as on two machines: each has a home of its own and reaches the broker
// by lines of its own. Nobody but the test starts a dead one again.
type pair struct {
	reactors [2]*harness.Reactor
	ways     [2][]*line
}

// newPairLab starts two reactors, one nats-server and one PostgreSQL. The first reactor is alone at the start, so all tables are its.
func newPairLab(t testing.TB, dir string) *lab {
	t.Helper()
	l := layLab(t, dir, postgres.New(t).Database(t), nil)
	l.brokerPort = harness.FreePort(t)
	l.events = newLine(t, l.brokerPort)
	l.pair = &pair{ways: [2][]*line{{newLine(t, l.brokerPort)}, {newLine(t, l.brokerPort)}}}
	l.open(t)
	l.startBroker(t)
	l.startStore(t)
	l.startMember(t, 0)
	l.startMember(t, 1)
	return l
}

// startMember starts one of the two. The reconciler is slow, as it is for users: what is healed here is healed by the broker.
func (l *lab) startMember(t testing.TB, n int) {
	t.Helper()
	home := filepath.Join(l.dir, fmt.Sprintf("reactor-%d", n+1))
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	var ways []string
	for _, way := range l.pair.ways[n] {
		ways = append(ways, way.address())
	}
	l.pair.reactors[n] = l.StartReactor(t, append(slices.Clone(l.reactorEnv), "MILLRACE_HOME="+home, "MILLRACE_RECONCILE_EVERY=5m",
		"MILLRACE_S3_ENDPOINT=http://"+l.toStore.address(), "MILLRACE_NATS_URL="+l.natsURL(nats.UserReactor, ways...))...)
}

// takeover waits for the first commit after a moment, and returns how long it took.
func (l *lab) takeover(t testing.TB, since time.Time) time.Duration {
	t.Helper()
	var first time.Time
	harness.Eventually(t, "the other reactor commits", func() bool {
		var err error
		first, err = catalog.Look(t.Context(), l.Catalog(), func(c *catalog.Catalog, ctx context.Context) (time.Time, error) {
			return c.FirstCommit(ctx, since)
		})
		return err == nil && !first.IsZero()
	})
	return first.Sub(since)
}

// slowest is the longest time that an object of a load took to silver.
func (l *lab) slowest(t testing.TB, ld *harness.Load) time.Duration {
	t.Helper()
	took, err := catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).Latency)
	if err != nil {
		t.Fatal(err)
	}
	most := time.Duration(0)
	for _, object := range ld.Recent(0) {
		most = max(most, took[object])
	}
	return most
}

// settles waits until everything that was put so far is in the ledger.
func (l *lab) settles(t testing.TB, ld *harness.Load) {
	t.Helper()
	objects := ld.Recent(0)
	harness.Eventually(t, "what was put so far is in the ledger", func() bool {
		objects = l.unknown(t, objects)
		return len(objects) == 0
	})
}

// commitTime is what a commit may take here, beside everything else that runs.
const commitTime = 3 * time.Second

// within fails the test when another reactor took over later than it should.
func within(t testing.TB, took []time.Duration, limit time.Duration) string {
	t.Helper()
	if most := slices.Max(took); most > limit+commitTime {
		t.Errorf("the other reactor took over after %s, which should take %s and a commit", most, limit)
	}
	var texts []string
	for _, d := range took {
		texts = append(texts, fmt.Sprintf("%.1f s", d.Seconds()))
	}
	return strings.Join(texts, " and ")
}

func pairFaults() []fault {
	return []fault{{
		name: "kill -9 one of two reactors on PostgreSQL", lay: newPairLab,
		sees: "the other works on; events that the dead one held wait ten seconds",
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			var took []time.Duration
			for n, r := range l.pair.reactors { // each while it has all tables
				time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
				r.Kill()
				took = append(took, l.takeover(t, time.Now()))
				l.settles(t, ld)
				if n == 0 {
					l.startMember(t, n)
				}
			}
			text := within(t, took, stream.PinnedTTL)
			return fmt.Sprintf("each in turn, taken over after %s; the slowest object was in silver after %.1f s", text, l.slowest(t, ld).Seconds())
		},
	}, {
		name: "one of two reactors on PostgreSQL hangs and wakes", lay: newPairLab,
		sees: "the other works on after the pin's five seconds, or ten where the first one held a transaction; what it wakes to do is refused",
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			var took []time.Duration
			for _, r := range l.pair.reactors {
				time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
				wake := l.hang(t, r)
				took = append(took, l.takeover(t, time.Now()))
				l.settles(t, ld)
				wake()
				l.flows(t, ld, 20)
			}
			return fmt.Sprintf("each in turn, taken over after %s", within(t, took, max(stream.PinnedTTL, stream.AckWait)))
		},
	}, {
		name: "one of two reactors on PostgreSQL hangs in its transaction", lay: newPairLab,
		sees: "PostgreSQL ends the transaction after ten seconds; the other works on",
		inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
			wake := l.hangInTransaction(t, ld)
			took := []time.Duration{l.takeover(t, time.Now())}
			l.settles(t, ld)
			wake()
			l.flows(t, ld, 20)
			return "taken over after " + within(t, took, stream.AckWait)
		},
	}, {
		name: "network cut: one of two reactors on PostgreSQL from the broker", lay: newPairLab,
		sees: "the other works on at once",
		inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
			way := l.pair.ways[0][0]
			way.cut(t)
			took := []time.Duration{l.takeover(t, time.Now())}
			l.settles(t, ld)
			way.mend(t)
			l.flows(t, ld, 20)
			return "taken over after " + within(t, took, stream.PinnedTTL)
		},
	}}
}

// hang stops a reactor as a machine that swaps does, until the function that it returns is called.
func (l *lab) hang(t testing.TB, r *harness.Reactor) (wake func()) {
	t.Helper()
	signal := func(s syscall.Signal) {
		if err := syscall.Kill(r.PID(), s); err != nil {
			t.Fatalf("signal reactor %d: %v", r.PID(), err)
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// hangInTransaction hangs the first reactor while it has a transaction open that has written.
func (l *lab) hangInTransaction(t testing.TB, ld *harness.Load) (wake func()) {
	t.Helper()
	r := l.pair.reactors[0]
	for tries := 0; ; tries++ {
		wake = l.hang(t, r)
		if n, err := catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).Writing); err == nil && n > 0 {
			return wake
		}
		wake()
		if tries > 2000 {
			t.Fatalf("in %d moments the reactor had no transaction open; %d objects were put", tries, ld.Count())
		}
		time.Sleep(time.Duration(1+tries%13) * time.Millisecond)
	}
}
