package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Figure is one thing that was measured, once or N times. The median of a single value is that value.
type Figure struct {
	ID       string   `json:"id"`
	Scenario string   `json:"scenario"`
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	N        int      `json:"n"`
	P50      float64  `json:"p50"`
	P90      *float64 `json:"p90,omitempty"`
	P99      *float64 `json:"p99,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Budgets  []Budget `json:"budgets,omitempty"`
}

// Budget is what a quantile of a figure may be at most, or, for a rate, must be at least.
type Budget struct {
	Of      string  `json:"of"` // p50 or p99
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"at_least,omitempty"`
	// Ratio is above 1 when the budget is missed, whichever way it limits.
	Ratio float64 `json:"ratio"`
}

// most makes a budget that a single value or a median may not exceed.
func most(limit float64) []Budget { return []Budget{{Of: "p50", Limit: limit}} }

// least makes a budget that a rate has to reach.
func least(limit float64) []Budget { return []Budget{{Of: "p50", Limit: limit, AtLeast: true}} }

// spread makes the budgets of a latency: for its median and for its tail.
func spread(p50, p99 float64) []Budget {
	return []Budget{{Of: "p50", Limit: p50}, {Of: "p99", Limit: p99}}
}

// single makes a figure of one measurement.
func single(id, name, unit string, value float64, budgets ...Budget) Figure {
	f := Figure{ID: id, Name: name, Unit: unit, N: 1, P50: value, Budgets: budgets}
	f.judge()
	return f
}

// times makes a figure of several durations, in milliseconds.
func times(id, name string, all []time.Duration, budgets ...Budget) Figure {
	ms := make([]float64, len(all))
	for i, d := range all {
		ms[i] = float64(d.Microseconds()) / 1000
	}
	slices.Sort(ms)
	f := Figure{ID: id, Name: name, Unit: "ms", N: len(ms), Budgets: budgets}
	if len(ms) == 0 {
		return f
	}
	p90, p99, most := quantile(ms, .9), quantile(ms, .99), ms[len(ms)-1]
	f.P50, f.P90, f.P99, f.Max = quantile(ms, .5), &p90, &p99, &most
	f.judge()
	return f
}

// quantile takes the nearest rank of sorted values: always a value that occurred, and of few values the worse one.
func quantile(sorted []float64, q float64) float64 {
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

func (f *Figure) judge() {
	f.Budgets = slices.Clone(f.Budgets)
	for i := range f.Budgets {
		b := &f.Budgets[i]
		value := f.P50
		if b.Of == "p99" && f.P99 != nil {
			value = *f.P99
		}
		b.Ratio = value / b.Limit
		if b.AtLeast {
			b.Ratio = b.Limit / value
		}
	}
}

// missing says what the figure lacks, or nothing.
func (f Figure) missing() error {
	if f.N < 1 || !(f.P50 > 0) || math.IsInf(f.P50, 0) {
		return fmt.Errorf("figure %s is %v of %d measurements", f.ID, f.P50, f.N)
	}
	return nil
}

// median makes a figure of several values of any unit.
func median(id, name, unit string, values []float64, budgets ...Budget) Figure {
	values = slices.Sorted(slices.Values(values))
	f := Figure{ID: id, Name: name, Unit: unit, N: len(values), Budgets: budgets}
	if len(values) == 0 {
		return f
	}
	worst := values[len(values)-1]
	f.P50, f.Max = quantile(values, .5), &worst
	f.judge()
	return f
}
