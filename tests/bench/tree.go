package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sampled is how often the memory of processes is added up: a peak that is shorter is not seen.
const sampled = 25 * time.Millisecond

// family is some processes; with children, all that they started, too.
type family struct {
	roots    []int
	children bool
}

// pids are those that live now.
func (f family) pids() ([]int, error) {
	if !f.children {
		return f.roots, nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	offspring := map[int][]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue // it is gone
		}
		if parent, err := parentOf(string(stat)); err == nil {
			offspring[parent] = append(offspring[parent], pid)
		}
	}
	all := append([]int{}, f.roots...)
	for i := 0; i < len(all); i++ {
		all = append(all, offspring[all[i]]...)
	}
	return all, nil
}

// now adds up CPU seconds, of children that have ended as well, and resident bytes.
func (f family) now() (cpuSeconds, bytes float64, err error) {
	pids, err := f.pids()
	if err != nil {
		return 0, 0, err
	}
	for i, pid := range pids {
		cpu, resident, err := whole(pid, f.children)
		switch {
		case errors.Is(err, fs.ErrNotExist) && i >= len(f.roots):
			continue // a child that ended in between: its parent tells of it
		case err != nil:
			return 0, 0, fmt.Errorf("read what process %d takes, which may have died: %w", pid, err)
		}
		cpuSeconds, bytes = cpuSeconds+cpu, bytes+resident
	}
	return cpuSeconds, bytes, nil
}

// whole reads one process: its CPU time, that of its ended children when wanted, and its resident memory.
func whole(pid int, children bool) (cpuSeconds, bytes float64, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, 0, err
	}
	if cpuSeconds, err = cpuOf(string(stat)); err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("%q has no memory", stat)
	}
	numbers := make([]float64, 3)
	for i, text := range []string{fields[13], fields[14], fields[21]} { // cutime, cstime, rss in pages
		if numbers[i], err = strconv.ParseFloat(text, 64); err != nil {
			return 0, 0, fmt.Errorf("read %q: %w", stat, err)
		}
	}
	if children {
		cpuSeconds += (numbers[0] + numbers[1]) / ticks
	}
	return cpuSeconds, numbers[2] * float64(os.Getpagesize()), nil
}

// parentOf is field 4 of /proc/<pid>/stat.
func parentOf(stat string) (int, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("%q has no parent", stat)
	}
	return strconv.Atoi(fields[1])
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
