package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usage is what a process has taken so far.
type usage struct {
	cpuSeconds float64
	peakBytes  float64
}

// ticks is USER_HZ, which Linux fixes for all programs, whatever the kernel's own clock.
const ticks = 100

// usageOf reads /proc of a process.
func usageOf(pid int) (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return usage{}, fmt.Errorf("read what process %d took: %w", pid, err)
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return usage{}, fmt.Errorf("read what process %d took: %w", pid, err)
	}
	cpu, err := cpuOf(string(stat))
	if err != nil {
		return usage{}, fmt.Errorf("read what process %d took: %w", pid, err)
	}
	peak, err := peakOf(string(status))
	if err != nil {
		return usage{}, fmt.Errorf("read what process %d took: %w", pid, err)
	}
	return usage{cpuSeconds: cpu, peakBytes: peak}, nil
}

// cpuOf is utime + stime, fields 14 and 15 of /proc/<pid>/stat. The program's name, field 2, may hold spaces and brackets.
func cpuOf(stat string) (float64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%q has no CPU time", stat)
	}
	total := 0.
	for _, text := range fields[11:13] {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time: %w", err)
		}
		total += n / ticks
	}
	return total, nil
}

// peakOf is the line "VmHWM:   123 kB" of /proc/<pid>/status.
func peakOf(status string) (float64, error) {
	for line := range strings.Lines(status) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kB float64
			if _, err := fmt.Sscanf(text, "%g kB", &kB); err != nil {
				return 0, fmt.Errorf("peak memory %q: %w", text, err)
			}
			return kB * 1024, nil
		}
	}
	return 0, fmt.Errorf("it tells no peak memory (VmHWM)")
}

// resetPeak makes a process's peak memory what it uses now, so that each part of a run has a peak of its own.
func resetPeak(pid int) error {
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("reset the peak memory of process %d: %w", pid, err)
	}
	return nil
}
