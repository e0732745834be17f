package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/prometheus/procfs"
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
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return usage{}, fmt.Errorf("read what process %d took: %w", pid, err)
	}
	u, err := readUsage(proc)
	if err != nil {
		return usage{}, fmt.Errorf("read what process %d took: %w", pid, err)
	}
	return u, nil
}

func readUsage(proc procfs.Proc) (usage, error) {
	stat, err := proc.Stat()
	if err != nil {
		return usage{}, err
	}
	status, err := proc.NewStatus()
	if err != nil {
		return usage{}, err
	}
	if status.VmHWM == 0 {
		return usage{}, errors.New("it tells no peak memory (VmHWM)")
	}
	return usage{cpuSeconds: stat.CPUTime(), peakBytes: float64(status.VmHWM)}, nil
}

// resetPeak makes a process's peak memory what it uses now, so that each part of a run has a peak of its own.
func resetPeak(pid int) error {
	if err := os.WriteFile(filepath.Join(procfs.DefaultMountPoint, strconv.Itoa(pid), "clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("reset the peak memory of process %d: %w", pid, err)
	}
	return nil
}
