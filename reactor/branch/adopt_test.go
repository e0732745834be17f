package branch

import (
	"math"
	"testing"
)

func TestDoublesAreNearWhenOnlyTheirLastBitsDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b any
		near bool
	}{
		{1.0, math.Nextafter(1, 2), true},
		{1e300, math.Nextafter(1e300, 0), true},
		{0.0, math.Copysign(0, -1), true},
		{0.0, 1e-17, true}, // what is left of equal logarithms
		{1.0, 1.00000001, false},
		{1.0, -1.0, false},
		{1.0, math.NaN(), false},
		{1.0, math.Inf(1), false},
		{1.0, nil, false},
		{int64(1), int64(1), false}, // exact types are never asked about unless they differ
		{"a", "b", false},
	} {
		if _, near := apart(c.a, c.b); near != c.near {
			t.Errorf("%v and %v: near is %t", c.a, c.b, near)
		}
	}
}

func TestSettledSaysWhereBitsDiffered(t *testing.T) {
	s := Settled{Table: "gold.rolling_averages", Rows: 5, Columns: map[string]int{"volatility_30d": 5, "sma_7": 2}}
	if got, want := s.Where(), "sma_7 2, volatility_30d 5"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if got := (Settled{}).Where(); got != "" {
		t.Errorf("of the same bits it says %q", got)
	}
}
