package main

import (
	"os"
	"testing"
)

func TestCPUOf(t *testing.T) {
	// The name of field 2 is the program's to choose.
	stat := "42 (a b) R 7) S 1 42 42 0 -1 4194304 100 0 0 0 250 125 9 9 20 0 12 0 100 1 2"
	if got, err := cpuOf(stat); err != nil || got != 3.75 {
		t.Errorf("250 + 125 ticks are %v s, %v", got, err)
	}
	for _, broken := range []string{"", "42 (x) S 1", "42 (x) S 1 42 42 0 -1 4194304 100 0 0 0 many 125 9"} {
		if got, err := cpuOf(broken); err == nil {
			t.Errorf("%q is %v s", broken, got)
		}
	}
}

func TestPeakOf(t *testing.T) {
	if got, err := peakOf("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  1024 kB\nVmRSS:\t 1 kB\n"); err != nil || got != 1<<20 {
		t.Errorf("1024 kB are %v, %v", got, err)
	}
	for _, broken := range []string{"", "VmHWM: much"} {
		if got, err := peakOf(broken); err == nil {
			t.Errorf("%q is %v", broken, got)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	u, err := usageOf(os.Getpid())
	if err != nil || u.peakBytes < 1<<20 {
		t.Errorf("this process took %+v, %v", u, err)
	}
	if err := resetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
}
