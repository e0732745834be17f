package main

import (
	"strings"
	"testing"
	"time"
)

func ran(t *testing.T) *bench {
	t.Helper()
	b := &bench{app: app{Peers: []string{"pyiceberg", "pyspark"}}, report: &Report{Commit: "0123456789ab", Equal: map[string]int{}}}
	for _, id := range works {
		for i, system := range b.systems() {
			took := time.Duration(i+1) * time.Second
			b.report.measured(id, "work "+id, system, []time.Duration{took, took}, Cost{CPUSeconds: 4 * float64(i+1), PeakMB: 100})
		}
	}
	return b
}

func TestRatiosAreToTheProject(t *testing.T) {
	b := ran(t)
	if err := b.compare(); err != nil {
		t.Fatal(err)
	}
	c := b.report.comparison("warm", "PyIceberg")
	if c.N != 2 || c.P50 != 2 || c.CPUSeconds != 4 || *c.Ratios != (Ratios{P50: 2, CPU: 2, Memory: 1}) {
		t.Errorf("2 s and 4 CPU s against 1 s and 2 CPU s are %+v, %+v", c, c.Ratios)
	}
	if n := len(b.report.Figures); n != len(works)*3 {
		t.Errorf("%d figures of %d works by 3 systems", n, len(works))
	}
}

func TestAFigureThatIsMissingFails(t *testing.T) {
	b := ran(t)
	b.report.Peers = b.report.Peers[:len(b.report.Peers)-1]
	if err := b.compare(); err == nil || !strings.Contains(err.Error(), "figure live-pyspark is missing") {
		t.Errorf("without the last figure: %v", err)
	}
	b = ran(t)
	b.report.comparison("cold", spark.name).cost = Cost{}
	if err := b.compare(); err == nil || !strings.Contains(err.Error(), "cold-pyspark") {
		t.Errorf("with a cost of nothing: %v", err)
	}
}

func TestTheGeneratedPartIsReplaced(t *testing.T) {
	text := "a\n" + generatedFrom + "old\n" + generatedTo + "b\n"
	got, err := between(text, "new\n")
	if err != nil || got != strings.Replace(text, "old", "new", 1) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := between("a\n", "new\n"); err == nil {
		t.Errorf("without marks it became %q", got)
	}
}
