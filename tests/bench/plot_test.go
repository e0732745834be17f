package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGrowthIsDrawn(t *testing.T) {
	at := func(p50, p99 float64) Figure { return Figure{P50: p50, P99: &p99} }
	r := &Report{}
	for id, f := range map[string]Figure{"growth-silver-100": at(24, 99), "growth-gold-100": at(150, 300), "growth-silver": {P50: 1}, "memory": {P50: 300}} {
		f.ID = id
		r.Figures = append(r.Figures, f)
	}
	file := filepath.Join(t.TempDir(), "growth.svg")
	if err := r.plot(file); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "silver p50", "gold p99", ">100<"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the drawing has no %q", want)
		}
	}
	if err := (&Report{}).plot(file); err == nil {
		t.Error("nothing was measured, and it is drawn")
	}
}
