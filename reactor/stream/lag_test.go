package stream

import (
	"slices"
	"testing"
)

func TestAConsumerOfWhichTwoServersTellIsOne(t *testing.T) {
	var lags []Lag
	for _, l := range []Lag{{Consumer: "gold", Settled: 7}, {Consumer: "router", Settled: 3}, {Consumer: "gold", Settled: 5, Waiting: 2}, {Consumer: "router", Settled: 9}} {
		lags = latest(lags, l)
	}
	if want := []Lag{{Consumer: "gold", Settled: 7}, {Consumer: "router", Settled: 9}}; !slices.Equal(lags, want) {
		t.Errorf("the lags are %v, want %v", lags, want)
	}
}
