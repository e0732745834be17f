package delivery_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"millrace/tests/harness"
)

var (
	soak     = flag.Duration("soak", 0, "put objects and kill processes at random for so long")
	soakRate = flag.Int("rate", 100, "objects a second of a soak")
	every    = flag.Duration("kill-every", 20*time.Second, "a kill of a soak comes from half to one and a half of this after the one before has healed")
)

// memory samples what each process takes, over the time of a soak.
type memory struct {
	samples map[string][]float64 // MB, one a second; 0 while a process is away
	stop    chan struct{}
	done    chan struct{}
}

func (l *lab) sample(t testing.TB) *memory {
	m := &memory{samples: map[string][]float64{}, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-m.stop:
				return
			case <-tick.C:
				for _, part := range []string{theReactor, theStore, theBroker} {
					if mb := residentMB(l.pid(t, part)); mb > 0 {
						m.samples[part] = append(m.samples[part], mb)
					}
				}
			}
		}
	}()
	return m
}

// residentMB reads the memory that a process has now, 0 when there is no process.
func residentMB(pid int) float64 {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	stat, err := proc.Stat()
	if err != nil {
		return 0
	}
	return float64(stat.ResidentMemory()) / (1 << 20)
}

// thirds returns the means of the second and of the last third, and the greatest sample. It leaves out the first third, in which caches fill.
func thirds(samples []float64) (middle, last, peak float64) {
	n := len(samples) / 3
	if n == 0 {
		return 0, 0, 0
	}
	mean := func(part []float64) float64 {
		sum := 0.
		for _, x := range part {
			sum += x
		}
		return sum / float64(len(part))
	}
	return mean(samples[n : 2*n]), mean(samples[len(samples)-n:]), slices.Max(samples)
}

// killing is a soak under way: what is killed at random, and how long each kind of kill took to heal.
type killing struct {
	*lab
	load    *harness.Load
	random  *rand.Rand
	started time.Time
	heals   map[string][]float64 // seconds, by the parts that were killed
}

// killedTogether lists the sets of parts that die at one moment.
var killedTogether = [][]string{{theReactor}, {theStore}, {theBroker}, {theReactor, theStore}, {theReactor, theBroker}, {theStore, theBroker}, {theReactor, theStore, theBroker}}

// TestSoak kills every process at random, alone and together, under load.
func TestSoak(t *testing.T) {
	if *soak == 0 || *duplicates > 0 {
		t.Log("a soak is for `go tool task soak`")
		return
	}
	l := newLab(t, t.TempDir(), nil, "MILLRACE_RECONCILE_EVERY=30s")
	k := &killing{lab: l, random: rand.New(rand.NewPCG(*seed, 7)), load: l.StartLoad(t, *soakRate, *seed), heals: map[string][]float64{}}
	watched := l.sample(t)
	say("a soak of %s at %d objects a second, seed %d", *soak, *soakRate, *seed)
	k.started = time.Now()
	k.run(t)
	ended := time.Now()
	k.load.Stop()
	close(watched.stop)
	<-watched.done
	failed, last := k.load.Failed()
	say("the load has ended: %d acknowledged, %d puts failed (last: %v); now the proof", k.load.Count(), failed, last)
	f := l.prove(t, k.load, ended)

	fmt.Printf("\nacknowledged %d, lost %d, doubled %d, rows missing %d, in excess %d; all in gold %.1f s after the load\n", f.Acknowledged, f.Lost, f.Doubled, f.Missing, f.Excess, f.Heal)
	for _, set := range killedTogether {
		if h := k.heals[strings.Join(set, "+")]; len(h) > 0 {
			slices.Sort(h)
			fmt.Printf("kill -9 %-22s %3d times, healed after %.1f s in the middle, %.1f s at most\n", strings.Join(set, "+"), len(h), h[len(h)/2], h[len(h)-1])
		}
	}
	for _, part := range []string{theReactor, theStore, theBroker} {
		middle, last, peak := thirds(watched.samples[part])
		fmt.Printf("memory of %-8s %4.0f MB in the second third, %4.0f MB in the last, %4.0f MB at most\n", part, middle, last, peak)
		if last > 1.1*middle+10 {
			t.Errorf("the memory of %s is not flat: %.0f MB, then %.0f MB", part, middle, last)
		}
	}
	if len(k.heals) == 0 {
		t.Error("nothing was killed")
	}
}

// say tells on the terminal how far a long test is: `go test` shows a test's own log only at its end.
func say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// run kills until the soak's time is over. The last five seconds are for healing.
func (k *killing) run(t testing.TB) {
	next := k.started.Add(pause(k.random))
	for time.Since(k.started) < *soak {
		time.Sleep(min(10*time.Second, time.Until(next), *soak-time.Since(k.started)))
		if time.Now().Before(next) {
			say("%4.0f s: %d acknowledged, %d in the ledger, %s", time.Since(k.started).Seconds(), k.load.Count(), k.recorded(t), k.resident(t))
			continue
		}
		if time.Since(k.started) > *soak-5*time.Second {
			return
		}
		parts := killedTogether[k.random.IntN(len(killedTogether))]
		name := strings.Join(parts, "+")
		killed := time.Now()
		k.kill(t, parts...)
		took := k.healed(t, k.load, killed)
		k.heals[name] = append(k.heals[name], took.Seconds())
		say("%4.0f s: kill -9 %s: healed after %.1f s", time.Since(k.started).Seconds(), name, took.Seconds())
		next = time.Now().Add(pause(k.random))
	}
}

func pause(random *rand.Rand) time.Duration {
	return *every/2 + time.Duration(random.Int64N(int64(*every)))
}

func (l *lab) resident(t testing.TB) string {
	var texts []string
	for _, part := range []string{theReactor, theStore, theBroker} {
		texts = append(texts, fmt.Sprintf("%s %.0f MB", part, residentMB(l.pid(t, part))))
	}
	return strings.Join(texts, ", ")
}

// healed waits until the ledger has everything that was acknowledged before the kill, and some objects that came after it.
func (l *lab) healed(t testing.TB, ld *harness.Load, killed time.Time) time.Duration {
	t.Helper()
	waiting := l.unknown(t, ld.Recent(0))
	later := ld.Count() + 50
	harness.Eventually(t, "puts go on after the kill", func() bool { return ld.Count() >= later })
	waiting = append(waiting, ld.Recent(50)...)
	harness.Eventually(t, "what was acknowledged is in the ledger", func() bool {
		waiting = l.unknown(t, waiting)
		return len(waiting) == 0
	})
	return time.Since(killed)
}
