package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
)

func faults() []fault {
	return slices.Concat(killFaults(), stepFaults(), diskFaults(), networkFaults(), stateFaults(), clockFaults(), orderFaults(), foreignFaults(), pairFaults(), clusterFaults())
}

// killFaults kills parts at random moments.
func killFaults() []fault {
	sees := map[string]string{
		theReactor: "tables stand still for some seconds, then catch up; the stack starts the reactor again",
		theStore:   "puts fail for a second and can be repeated; the stack starts MinIO again",
		theBroker:  "tables stand still; MinIO keeps the events in its queue on disk until the broker is back",
	}
	var list []fault
	for _, parts := range [][]string{{theReactor}, {theStore}, {theBroker}, {theReactor, theStore}, {theReactor, theBroker}, {theStore, theBroker}, {theReactor, theStore, theBroker}} {
		text := sees[parts[0]]
		if len(parts) > 1 {
			text = "both of it at once"
		}
		if len(parts) > 2 {
			text = "all of it at once, but the store's and the broker's disks are there"
		}
		list = append(list, fault{
			name: "kill -9 " + strings.Join(parts, " and "), sees: text, draw: len(parts) == 1 && parts[0] == theStore,
			inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
				const kills = 3
				for range kills {
					time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
					l.kill(t, parts...)
				}
				return fmt.Sprintf("%d times", kills)
			},
		})
	}
	return append(list, fault{
		name: "kill -9 the whole stack", sees: "everything is gone, as in a power cut; `go tool task up` again, and it goes on", lay: newWholeLab,
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			for range 2 {
				time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
				l.whole.Kill()
				l.whole.Restart(t)
			}
			return "2 times; the broker lives in the stack's process and dies with it"
		},
	}, fault{
		name: "kill -9 minio and reactor of a stack", sees: "puts fail for a second; the stack starts both again", lay: newWholeLab,
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			l.kill(t, theStore, theReactor)
			return ""
		},
	})
}

// stepFaults kills the reactor at each step of a commit.
func stepFaults() []fault {
	var list []fault
	const sees = "nothing; the other files of the torn commit are orphans that no table names"
	for _, layer := range []string{"silver", "gold"} {
		for _, kind := range kinds {
			for _, w := range []when{before, after} {
				s := step{layer, kind, w}
				list = append(list, fault{
					name: s.String(), sees: sees,
					inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
						trap := l.gate.set(s)
						l.caught(t, trap)
						l.kill(t, theReactor)
						close(trap.release)
						return ""
					},
				})
			}
		}
	}
	return append(list,
		fault{
			name: "reactor killed before the database transaction", sees: "nothing",
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				unlock := l.lockCatalog(t)
				defer unlock()
				l.caught(t, l.gate.set(step{"silver", metadata, passed}))
				l.kill(t, theReactor)
				return "all files written, the catalog locked by the test"
			},
		},
		fault{
			name: "reactor killed after the database transaction, before the ack", sees: "nothing; the events come once more and are found done", draw: true,
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				unlock := l.lockCatalog(t)
				entries := len(l.Ledger(t))
				l.flowsIn(t, ld, 5) // a commit waits for the lock
				l.toBroker.freeze(t)
				unlock()
				harness.Eventually(t, "the commit is in the ledger", func() bool { return len(l.Ledger(t)) > entries })
				l.kill(t, theReactor)
				l.toBroker.clear(t)
				return "the line to the broker was frozen: no ack got out"
			},
		})
}

func (s step) String() string {
	return fmt.Sprintf("reactor killed %s the PUT of a %s of %s", s.when, s.kind, s.layer)
}

// caught waits until a trap is sprung.
func (l *lab) caught(t testing.TB, trap *trap) {
	t.Helper()
	select {
	case <-trap.caught:
	case <-time.After(harness.Patience):
		t.Fatalf("no PUT of a %s of %s", trap.kind, trap.layer)
	}
}

// flowsIn waits until n more objects were put.
func (l *lab) flowsIn(t testing.TB, ld *harness.Load, n int) {
	t.Helper()
	n0 := ld.Count()
	harness.Eventually(t, fmt.Sprintf("%d more objects are put", n), func() bool { return ld.Count() >= n0+n })
}
