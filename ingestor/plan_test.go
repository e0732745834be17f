package main

import (
	"slices"
	"strings"
	"testing"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
)

func TestHistoryPlan(t *testing.T) {
	today := bronze.DayOf(noon)
	good := historyCommand{From: day(t, "2025-06-01"), Interval: "d1", topFlag: topFlag{20}}
	tests := []struct {
		name   string
		change func(*historyCommand)
		pieces int
		err    string
	}{
		{"to yesterday", func(*historyCommand) {}, 1, ""},
		{"to today", func(c *historyCommand) { c.To = today }, 1, ""},
		{"400 days", func(c *historyCommand) { c.From = today.Add(-400) }, 2, ""},
		{"ten years", func(c *historyCommand) { c.From = today.Add(-3650) }, 10, ""},
		{"hourly", func(c *historyCommand) { c.Interval = "h1"; c.To = today }, 2, ""},
		{"tomorrow", func(c *historyCommand) { c.To = today.Add(1) }, 0, "in the future"},
		{"from today without to", func(c *historyCommand) { c.From = today }, 0, "after --to 2025-06-30"},
		{"interval", func(c *historyCommand) { c.Interval = "w1" }, 0, "--interval"},
		{"slug", func(c *historyCommand) { c.Assets = []string{"a b"} }, 0, "--assets"},
		{"top", func(c *historyCommand) { c.Top = maxTop + 1 }, 0, "--top"},
		{"no from", func(c *historyCommand) { c.From = bronze.Day{} }, 0, "--from"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			_, pieces, _, err := c.plan(today)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v does not say %q", err, tt.err)
				}
				return
			}
			if err != nil || len(pieces) != tt.pieces {
				t.Errorf("%d pieces, %v, want %d", len(pieces), err, tt.pieces)
			}
		})
	}
	good.Assets = []string{"bitcoin", "tether", "bitcoin"}
	if assets, _, _, err := good.plan(today); err != nil || !slices.Equal(assets, []string{"bitcoin", "tether"}) {
		t.Errorf("assets are %q, %v", assets, err)
	}
}

// What is one request's own fault lets the others go on; what all would share ends the run at once.
func TestOwnFailure(t *testing.T) {
	own := []coincap.Kind{coincap.BadRequest, coincap.ServerError, coincap.Truncated, coincap.TooLarge, coincap.NotList}
	for kind := coincap.Unexpected; kind <= coincap.TooLarge; kind++ {
		if ownFailure(kind) != slices.Contains(own, kind) {
			t.Errorf("%q: own failure is %v", kind, ownFailure(kind))
		}
	}
}
