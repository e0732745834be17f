package command

import (
	"slices"
	"strings"
	"testing"

	"millrace/ingestor/bronze"
)

func TestHistoryPlan(t *testing.T) {
	today := bronze.DayOf(noon)
	good := History{From: day(t, "2025-06-01"), Interval: "d1", topFlag: topFlag{20}}
	tests := []struct {
		name   string
		change func(*History)
		pieces int
		err    string
	}{
		{"to yesterday", func(*History) {}, 1, ""},
		{"to today", func(c *History) { c.To = today }, 1, ""},
		{"400 days", func(c *History) { c.From = today.Add(-400) }, 2, ""},
		{"ten years", func(c *History) { c.From = today.Add(-3650) }, 10, ""},
		{"hourly", func(c *History) { c.Interval = "h1"; c.To = today }, 2, ""},
		{"tomorrow", func(c *History) { c.To = today.Add(1) }, 0, "in the future"},
		{"from today without to", func(c *History) { c.From = today }, 0, "after --to 2025-06-30"},
		{"interval", func(c *History) { c.Interval = "w1" }, 0, "--interval"},
		{"slug", func(c *History) { c.Assets = []string{"a b"} }, 0, "--assets"},
		{"top", func(c *History) { c.Top = maxTop + 1 }, 0, "--top"},
		{"no from", func(c *History) { c.From = bronze.Day{} }, 0, "--from"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			h, err := c.plan(today)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v does not say %q", err, tt.err)
				}
				return
			}
			if err != nil || len(h.Pieces) != tt.pieces {
				t.Errorf("%d pieces, %v, want %d", len(h.Pieces), err, tt.pieces)
			}
		})
	}
	good.Assets = []string{"bitcoin", "tether", "bitcoin"}
	if h, err := good.plan(today); err != nil || !slices.Equal(h.Assets, []string{"bitcoin", "tether"}) {
		t.Errorf("assets are %q, %v", h.Assets, err)
	}
}
