//go:build spark

package spark

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// used is what an engine has taken for a rebuild.
type used struct {
	took   time.Duration
	cpu    float64 // seconds, of all its processes
	memory int     // bytes that were resident at one moment, added up over its processes
}

func (u used) String() string {
	return fmt.Sprintf("%.1f s, %.1f CPU seconds, %d MB at most", u.took.Seconds(), u.cpu, u.memory/1_000_000)
}

// often is how often processes are looked at. What one takes between the last look and its end is in no figure.
const often = 250 * time.Millisecond

// usage follows processes and all that they start.
type usage struct {
	began   time.Time
	roots   []int
	before  map[int]float64 // CPU seconds of those that ran already
	cpu     map[int]float64
	memory  int
	quit    chan struct{}
	stopped chan error
}

// measure follows a process that was started at began, and others whose work counts from now.
func measure(t *testing.T, began time.Time, started int, running ...int) *usage {
	t.Helper()
	u := &usage{began: began, roots: running, cpu: map[int]float64{}, quit: make(chan struct{}), stopped: make(chan error, 1)}
	if err := u.look(); err != nil {
		t.Fatal(err)
	}
	u.before, u.cpu, u.memory, u.roots = u.cpu, map[int]float64{}, 0, append(running, started)
	go func() {
		tick := time.NewTicker(often)
		defer tick.Stop()
		for {
			if err := u.look(); err != nil {
				u.stopped <- err
				return
			}
			select {
			case <-tick.C:
			case <-u.quit:
				u.stopped <- u.look()
				return
			}
		}
	}()
	return u
}

// end says what was taken.
func (u *usage) end(t *testing.T) used {
	t.Helper()
	all := used{took: time.Since(u.began)}
	close(u.quit)
	if err := <-u.stopped; err != nil {
		t.Fatal(err)
	}
	for pid, seconds := range u.cpu {
		all.cpu += seconds - u.before[pid]
	}
	all.memory = u.memory
	return all
}

// look adds up what the processes take now. One that has ended keeps what it had at the last look.
func (u *usage) look() error {
	processes, err := procfs.AllProcs()
	if err != nil {
		return fmt.Errorf("list the processes: %w", err)
	}
	children, stats := map[int][]int{}, map[int]procfs.ProcStat{}
	for _, p := range processes {
		stat, err := p.Stat()
		if err != nil {
			continue // it has just ended
		}
		stats[p.PID] = stat
		children[stat.PPID] = append(children[stat.PPID], p.PID)
	}
	memory := 0
	seen := map[int]bool{}
	for todo := append([]int{}, u.roots...); len(todo) > 0; {
		pid := todo[0]
		todo = append(todo[1:], children[pid]...)
		stat, there := stats[pid]
		if !there || seen[pid] {
			continue
		}
		seen[pid] = true
		u.cpu[pid] = stat.CPUTime()
		memory += stat.ResidentMemory()
	}
	u.memory = max(u.memory, memory)
	return nil
}
