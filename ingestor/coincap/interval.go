package coincap

import (
	"fmt"
	"strings"
	"time"

	"millrace/ingestor/bronze"
)

// Interval is the distance of two points of a history, as the API names it: m1 to h12, d1.
type Interval string

// D1 is one point a day, at 00:00 UTC.
const D1 Interval = "d1"

const day = 24 * time.Hour

// intervals are the intervals of v3, with the longest time that one request may cover.
var intervals = []struct {
	name  Interval
	step  time.Duration
	limit time.Duration
}{
	{"m1", time.Minute, day},
	{"m5", 5 * time.Minute, 5 * day},
	{"m15", 15 * time.Minute, 7 * day},
	{"m30", 30 * time.Minute, 14 * day},
	{"h1", time.Hour, 30 * day},
	{"h2", 2 * time.Hour, 61 * day},
	{"h6", 6 * time.Hour, 183 * day},
	{"h12", 12 * time.Hour, 365 * day},
	// "1 year" in the documentation; 366 would be refused for a year that has 365 days.
	{D1, day, 365 * day},
}

// ParseInterval reads the API's name.
func ParseInterval(s string) (Interval, error) {
	names := make([]string, len(intervals))
	for i, known := range intervals {
		if s == string(known.name) {
			return known.name, nil
		}
		names[i] = string(known.name)
	}
	return "", fmt.Errorf("the interval %q is none of %s", s, strings.Join(names, ", "))
}

// Step is the distance of two points; 0 for an unknown interval.
func (i Interval) Step() time.Duration {
	for _, known := range intervals {
		if i == known.name {
			return known.step
		}
	}
	return 0
}

// Limit is the longest time that one request may cover.
func (i Interval) Limit() time.Duration {
	for _, known := range intervals {
		if i == known.name {
			return known.limit
		}
	}
	return 0
}

// Piece is the days of one history request, both inclusive.
type Piece struct{ From, To bronze.Day }

// String names the days.
func (p Piece) String() string {
	if p.From == p.To {
		return p.From.String()
	}
	return p.From.String() + " to " + p.To.String()
}

// Start is the first millisecond of the first day.
func (p Piece) Start() int64 { return p.From.Start().UnixMilli() }

// End is the last millisecond of the last day: whether the API takes its end as inclusive or not, the point at the last day's
// midnight is in and the next day's is not.
func (p Piece) End() int64 { return p.To.Start().UnixMilli() + day.Milliseconds() - 1 }

// Split cuts the days from..to, both inclusive, into as few pieces as the interval's limit allows, in order.
func (i Interval) Split(from, to bronze.Day) []Piece {
	longest := int(i.Limit() / day)
	var pieces []Piece
	for longest > 0 && !from.After(to) {
		last := from.Add(longest - 1)
		if last.IsZero() || last.After(to) {
			last = to
		}
		pieces = append(pieces, Piece{From: from, To: last})
		if last == to {
			break
		}
		from = last.Add(1)
	}
	return pieces
}
