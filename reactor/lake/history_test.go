package lake

import (
	"testing"
	"time"
)

func TestTheLastSnapshotOfADayIsTagged(t *testing.T) {
	at := func(text string) time.Time {
		tm, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, test := range []struct {
		last, next, tag string
		ok              bool
	}{
		{"2026-01-31T10:00:00Z", "2026-01-31T23:59:59Z", "day-2026-01-31", false},
		{"2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "day-2026-01-31", true},
		{"2026-01-31T23:59:59Z", "2026-02-07T12:00:00Z", "day-2026-01-31", true},
		{"2026-02-01T01:00:00+02:00", "2026-02-01T01:00:00Z", "day-2026-01-31", true}, // days are UTC
		{"2026-02-01T00:00:00Z", "2026-01-31T23:59:59Z", "day-2026-02-01", false},     // the clock went back
	} {
		if tag, ok := dayTag(at(test.last), at(test.next)); tag != test.tag || ok != test.ok {
			t.Errorf("from %s to %s: %s, %v; want %s, %v", test.last, test.next, tag, ok, test.tag, test.ok)
		}
	}
}
