package main

import (
	"testing"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
)

func TestCostCountsCallsAndCredits(t *testing.T) {
	day := func(text string) bronze.Day {
		d, err := bronze.ParseDay(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	c := historyCommand{topFlag: topFlag{Top: 20}}
	pieces := coincap.D1.Split(day("2024-01-01"), day("2025-12-31"))
	named := c.cost([]string{"bitcoin", "ethereum"}, pieces, coincap.D1)
	if len(named) != len(pieces) {
		t.Fatalf("%d rows for %d pieces", len(named), len(pieces))
	}
	// A year of a coin is at most 366 points of 130 bytes, 20 credits, and the call itself.
	if calls, credits := named[0][4].(int), named[0][5].(int); calls != 2 || credits < 2*19 || credits > 2*21 {
		t.Errorf("%d calls, %d credits for a year of two assets", calls, credits)
	}
	top := c.cost(nil, pieces, coincap.D1)
	if first, second := top[0][4].(int), top[1][4].(int); first != 21 || second != 20 {
		t.Errorf("%d and %d calls, want one more in the first piece, to list the assets", first, second)
	}
}
