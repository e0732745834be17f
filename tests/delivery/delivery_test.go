// Package delivery_test proves that nothing is lost and nothing doubled, whatever goes wrong with a laptop. It does each fault to
// real processes under load. Afterwards every acknowledged object must have exactly one entry in the ledger, and every row
// must be what bronze gives. `go test` does a short draw. `go tool task test:faults` does all of them and writes README.md.
// `go tool task soak` kills at random for as long as it is told, or delivers old events a million times.
package delivery_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/tests/harness"
)

var (
	all      = flag.Bool("faults", false, "do all faults, not only a short draw")
	only     = flag.String("fault", "", "do only the faults whose names hold this `text`")
	seed     = flag.Uint64("seed", 1, "of the load and of the moments of kills")
	readme   = flag.String("readme", "", "write the table of faults into this `file`")
	resume   = flag.String("resume", "", "keep results in this `file`, and do no fault again that went well on the same commit")
	parallel = flag.Int("labs", max(2, runtime.NumCPU()), "how many faults at once; they wait more than they work")
)

func TestMain(m *testing.M) {
	if text := os.Getenv(brokerVariable); text != "" {
		if err := beBroker(text); err != nil {
			fmt.Fprintln(os.Stderr, "broker:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

func signalled() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// loadRate is how many objects a second arrive while something goes wrong.
const loadRate = 25

// fault is something that goes wrong.
type fault struct {
	name string
	sees string // what a user notices, and what the product does
	draw bool   // it belongs to the short draw
	// lay, when set, lays out another lab than one of separate processes, one of each.
	lay func(testing.TB, string) *lab
	// prepare, when set, changes the lab's folder before anything starts.
	prepare func(testing.TB, string)
	// inject makes the fault happen and returns when it is over. It may return a note for the report.
	inject func(testing.TB, *lab, *harness.Load, *rand.Rand) string
}

// TestNothingIsLostOrDoubled does the faults.
func TestNothingIsLostOrDoubled(t *testing.T) {
	seconds, built := time.Now(), commit() // somebody may commit while it runs
	var todo []fault
	for _, f := range faults() {
		if (*all || *only != "" || f.draw) && strings.Contains(f.name, *only) {
			todo = append(todo, f)
		}
	}
	if len(todo) == 0 {
		t.Fatalf("there is no fault with %q in its name", *only)
	}
	results := make([]figures, len(todo))
	done := make([]bool, len(todo))
	earlier := keptResults(t, built)
	limit := make(chan struct{}, *parallel)
	t.Run("fault", func(t *testing.T) {
		for i, f := range todo {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				limit <- struct{}{}
				defer func() { <-limit }()
				started := time.Now()
				if results[i], done[i] = earlier.of(f.name); done[i] {
					return
				}
				results[i] = f.run(t, *seed+uint64(i))
				done[i] = !t.Failed()
				if done[i] {
					earlier.add(t, f.name, results[i], time.Since(seconds))
				}
				r := results[i]
				t.Logf("%d acknowledged, %d lost, %d doubled, %d rows missing, %d in excess, healed after %.1f s; all of it took %.0f s %s",
					r.Acknowledged, r.Lost, r.Doubled, r.Missing, r.Excess, r.Heal, time.Since(started).Seconds(), r.Note)
			})
		}
	})
	t.Logf("%d faults in %.0f s", len(todo), time.Since(seconds).Seconds())
	if *readme == "" {
		return
	}
	if slices.Contains(done, false) || !*all || *only != "" {
		t.Errorf("%s stays as it is: it tells of runs of all faults that went well", *readme)
		return
	}
	if err := writeReadme(*readme, built, todo, results, time.Since(seconds)+earlier.before); err != nil {
		t.Error(err)
	}
}

func (f fault) run(t *testing.T, seed uint64) figures {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 99))
	var l *lab
	if f.lay != nil {
		l = f.lay(t, t.TempDir())
	} else {
		l = newLab(t, t.TempDir(), f.prepare)
	}
	ld := l.StartLoad(t, loadRate, seed)
	l.flows(t, ld, 20)
	note := f.inject(t, l, ld, random)
	healing := time.Now()
	time.Sleep(time.Second) // of load after the fault
	ld.Stop()
	figures := l.prove(t, ld, healing)
	figures.Note = note
	return figures
}
