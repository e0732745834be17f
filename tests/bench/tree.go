package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/procfs"
)

// sampled is how often the memory of processes is added up: a peak that is shorter is not seen.
const sampled = 25 * time.Millisecond

// family is some processes; with children, all that they started, too.
type family struct {
	roots    []int
	children bool
}

// stats reads each process that lives now, the roots first. A root that cannot be read is an error; a child that ended in
// between is left out, because its parent's figures hold what it took.
func (f family) stats(proc procfs.FS) ([]procfs.ProcStat, error) {
	var all []procfs.ProcStat
	for _, root := range f.roots {
		p, err := proc.Proc(root)
		if err != nil {
			return nil, fmt.Errorf("read what process %d takes, which may have died: %w", root, err)
		}
		stat, err := p.Stat()
		if err != nil {
			return nil, fmt.Errorf("read what process %d takes, which may have died: %w", root, err)
		}
		all = append(all, stat)
	}
	if !f.children {
		return all, nil
	}
	processes, err := proc.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	offspring := map[int][]procfs.ProcStat{}
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil {
			offspring[stat.PPID] = append(offspring[stat.PPID], stat)
		}
	}
	for i := 0; i < len(all); i++ {
		all = append(all, offspring[all[i].PID]...)
	}
	return all, nil
}

// now adds up CPU seconds, with children those of ended ones as well, and resident bytes.
func (f family) now() (cpuSeconds, bytes float64, err error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, 0, fmt.Errorf("read what processes take: %w", err)
	}
	stats, err := f.stats(proc)
	if err != nil {
		return 0, 0, err
	}
	for _, stat := range stats {
		cpuSeconds += stat.CPUTime()
		bytes += float64(stat.ResidentMemory())
		if f.children {
			cpuSeconds += float64(stat.CUTime+stat.CSTime) / ticks
		}
	}
	return cpuSeconds, bytes, nil
}

// meter measures a family until stop.
type meter struct {
	family family
	before float64
	quit   chan struct{}
	done   sync.WaitGroup
	mu     sync.Mutex
	peak   float64
}

func (f family) meter() (*meter, error) {
	m := &meter{family: f, quit: make(chan struct{})}
	var err error
	if m.before, m.peak, err = f.now(); err != nil {
		return nil, err
	}
	m.done.Go(func() {
		tick := time.NewTicker(sampled)
		defer tick.Stop()
		for {
			select {
			case <-m.quit:
				return
			case <-tick.C:
			}
			if _, bytes, err := f.now(); err == nil {
				m.mu.Lock()
				m.peak = max(m.peak, bytes)
				m.mu.Unlock()
			}
		}
	})
	return m, nil
}

// stop tells what the family took since the meter was made; it must still live.
func (m *meter) stop() (cpuSeconds, peakMB float64, err error) {
	cpu, bytes, err := m.family.now()
	close(m.quit)
	m.done.Wait()
	return cpu - m.before, max(m.peak, bytes) / 1e6, err
}
