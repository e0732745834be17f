package ingest

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
	pieces := coincap.D1.Split(day("2024-01-01"), day("2025-12-31"))
	named := History{Assets: []string{"bitcoin", "ethereum"}, Top: 20, Interval: coincap.D1, Pieces: pieces}.Costs()
	if len(named) != len(pieces) {
		t.Fatalf("%d rows for %d pieces", len(named), len(pieces))
	}
	// A year of a coin is at most 366 points of 130 bytes, 20 credits, and the call itself.
	if c := named[0]; c.Calls != 2 || c.Assets != 2 || c.Credits < 2*19 || c.Credits > 2*21 {
		t.Errorf("%d calls, %d credits for a year of two assets", c.Calls, c.Credits)
	}
	top := History{Top: 20, Interval: coincap.D1, Pieces: pieces}.Costs()
	if top[0].Calls != 21 || top[1].Calls != 20 || top[0].Assets != 20 {
		t.Errorf("%d and %d calls, want one more in the first piece, to list the assets", top[0].Calls, top[1].Calls)
	}
}
