package delivery_test

import (
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
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

// residentMB is the memory that a process has now, 0 when there is none.
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

// thirds are the means of the second and of the last third, and the greatest of all: in the first third caches fill.
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

// TestSoak kills every process at random, alone and together, under load.
func TestSoak(t *testing.T) {
	if *soak == 0 || *duplicates > 0 {
		t.Log("a soak is for `go tool task soak`")
		return
	}
	l := newLab(t, t.TempDir(), func(_ testing.TB, l *lab) { l.reactorEnv = []string{"MILLRACE_RECONCILE_EVERY=30s"} })
	random := rand.New(rand.NewPCG(*seed, 7))
	ld := l.startLoad(t, *soakRate, *seed)
	watched := l.sample(t)
	say := func(format string, args ...any) {
		fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
	}
	say("a soak of %s at %d objects a second, seed %d", *soak, *soakRate, *seed)
	started := time.Now()
	sets := [][]string{{theReactor}, {theStore}, {theBroker}, {theReactor, theStore}, {theReactor, theBroker}, {theStore, theBroker}, {theReactor, theStore, theBroker}}
	heals := map[string][]float64{}
	next := started.Add(pause(random))
	for time.Since(started) < *soak {
		time.Sleep(min(10*time.Second, time.Until(next), *soak-time.Since(started)))
		if time.Now().Before(next) {
			say("%4.0f s: %d acknowledged, %d in the ledger, %s", time.Since(started).Seconds(), ld.count(), l.recorded(t), l.resident(t))
			continue
		}
		if time.Since(started) > *soak-5*time.Second {
			break
		}
		parts := sets[random.IntN(len(sets))]
		name := strings.Join(parts, "+")
		killed := time.Now()
		l.kill(t, parts...)
		took := l.healed(t, ld, killed)
		heals[name] = append(heals[name], took.Seconds())
		say("%4.0f s: kill -9 %s: healed after %.1f s", time.Since(started).Seconds(), name, took.Seconds())
		next = time.Now().Add(pause(random))
	}
	ended := time.Now()
	ld.end()
	close(watched.stop)
	<-watched.done
	say("the load has ended: %d acknowledged, %d puts failed (last: %v); now the proof", len(ld.acked), ld.failed, ld.last)
	f := l.prove(t, ld, ended)

	fmt.Printf("\nacknowledged %d, lost %d, doubled %d, rows missing %d, in excess %d; all in gold %.1f s after the load\n", f.Acknowledged, f.Lost, f.Doubled, f.Missing, f.Excess, f.Heal)
	for _, set := range sets {
		if h := heals[strings.Join(set, "+")]; len(h) > 0 {
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
	if len(heals) == 0 {
		t.Error("nothing was killed")
	}
}

func pause(random *rand.Rand) time.Duration {
	return *every/2 + time.Duration(random.Int64N(int64(*every)))
}

// recorded is how many entries the ledger has.
func (l *lab) recorded(t testing.TB) (n int) {
	db := l.openCatalog(t)
	defer func() { _ = db.Close() }()                                // read only
	_ = db.QueryRow(`SELECT count(*) FROM millrace_ledger`).Scan(&n) // 0 is shown while it cannot be read
	return n
}

func (l *lab) resident(t testing.TB) string {
	var texts []string
	for _, part := range []string{theReactor, theStore, theBroker} {
		texts = append(texts, fmt.Sprintf("%s %.0f MB", part, residentMB(l.pid(t, part))))
	}
	return strings.Join(texts, ", ")
}

// healed waits until what was acknowledged when something was killed, and then some that came later, is in the ledger.
func (l *lab) healed(t testing.TB, ld *load, killed time.Time) time.Duration {
	t.Helper()
	waiting := l.unknown(t, ld.recent(0))
	later := ld.count() + 50
	eventually(t, "puts go on after the kill", func() bool { return ld.count() >= later })
	waiting = append(waiting, ld.recent(50)...)
	eventually(t, "what was acknowledged is in the ledger", func() bool {
		waiting = l.unknown(t, waiting)
		return len(waiting) == 0
	})
	return time.Since(killed)
}

// unknown are the objects that the ledger does not know.
func (l *lab) unknown(t testing.TB, keys []string) (left []string) {
	db := l.openCatalog(t)
	defer func() { _ = db.Close() }() // read only
	ask, err := db.Prepare(`SELECT 1 FROM millrace_ledger WHERE source_key = ? AND source_version = ?`)
	if err != nil {
		return keys
	}
	defer func() { _ = ask.Close() }()
	for i, k := range keys {
		key, version, _ := strings.Cut(k, " ")
		var one int
		switch err := ask.QueryRow(key, version).Scan(&one); err {
		case nil:
		case sql.ErrNoRows:
			left = append(left, k)
		default:
			return append(left, keys[i:]...)
		}
	}
	return left
}
