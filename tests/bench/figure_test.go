package main

import (
	"math"
	"testing"
	"time"
)

func TestQuantileIsAValueThatOccurred(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{hundred, .5, 50}, {hundred, .9, 90}, {hundred, .99, 99}, {hundred, 1, 100},
		{[]float64{7}, .5, 7}, {[]float64{7}, .99, 7},
		{[]float64{1, 2}, .5, 1}, {[]float64{1, 2}, .9, 2}, {[]float64{1, 2, 3}, .5, 2},
	} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile %v of %d values from %v is %v, not %v", c.q, len(c.values), c.values[0], got, c.want)
		}
	}
}

func TestRatioAboveOneIsAMiss(t *testing.T) {
	slow := times("x", "x", []time.Duration{40 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond}, spread(10, 80)...)
	if slow.P50 != 20 || slow.Budgets[0].Ratio != 2 || slow.Budgets[1].Ratio != .5 {
		t.Errorf("10, 20 and 40 ms against 10 and 80 are %+v", slow)
	}
	if rate := single("x", "x", "rows/s", 100, least(250)...); rate.Budgets[0].Ratio != 2.5 {
		t.Errorf("a rate of 100 against at least 250 is %+v", rate.Budgets)
	}
	if several := median("x", "x", "s", []float64{3, 1, 2}, most(4)...); several.P50 != 2 || *several.Max != 3 || several.Budgets[0].Ratio != .5 {
		t.Errorf("the median of 3, 1, 2 is %+v", several)
	}
}

func TestABudgetIsNotShared(t *testing.T) {
	budgets := most(10)
	if a, b := single("a", "a", "s", 5, budgets...), single("b", "b", "s", 20, budgets...); a.Budgets[0].Ratio != .5 || b.Budgets[0].Ratio != 2 {
		t.Errorf("two figures with one budget have the ratios %v and %v", a.Budgets[0].Ratio, b.Budgets[0].Ratio)
	}
}

func TestAScenarioWithoutAFigureFails(t *testing.T) {
	s := scenario{letter: "x", figures: []string{"there", "zero", "none", "absent"}}
	r := &Report{Figures: []Figure{single("there", "", "s", 1), single("zero", "", "s", 0), times("none", "", nil)}}
	err := r.complete(s)
	if err == nil {
		t.Fatal("it is complete")
	}
	if got, want := err.Error(), "figure zero is 0 of 1 measurements\nfigure none is 0 of 0 measurements\nfigure absent is missing"; got != want {
		t.Errorf("error %q, not %q", got, want)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), -1} {
		if (Figure{N: 1, P50: v}).missing() == nil {
			t.Errorf("%v is a figure", v)
		}
	}
}

func TestEveryScenarioPromisesFigures(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios {
		if s.letter == "" || s.about == "" || len(s.figures) == 0 && !s.promises || seen[s.letter] {
			t.Errorf("scenario %q (%s) has no figures, no text, or a letter that is taken", s.letter, s.about)
		}
		seen[s.letter] = true
	}
	if err := (app{Only: []string{"a", "x"}}).Validate(); err == nil {
		t.Error("--only x is taken, and there is no such scenario")
	}
}
