package coincap

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/ingestor/bronze"
)

func mustDay(t interface{ Fatal(...any) }, s string) bronze.Day {
	d, err := bronze.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSplitCoversEveryDayOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := intervals[rapid.IntRange(0, len(intervals)-1).Draw(t, "interval")].name
		from := bronze.DayOfUnix(rapid.Int32Range(14000, 30000).Draw(t, "from"))
		to := from.Add(rapid.IntRange(0, 1500).Draw(t, "days"))
		next := from
		for _, p := range interval.Split(from, to) {
			if p.From != next || p.To.Before(p.From) {
				t.Fatalf("piece %s to %s, want one from %s", p.From, p.To, next)
			}
			if length := time.Duration(p.End()-p.Start()) * time.Millisecond; length > interval.Limit() {
				t.Fatalf("piece %s to %s is %s long, more than %s", p.From, p.To, length, interval.Limit())
			}
			if bronze.DayOf(time.UnixMilli(p.Start())) != p.From || bronze.DayOf(time.UnixMilli(p.End())) != p.To {
				t.Fatalf("piece %s to %s asks for other days", p.From, p.To)
			}
			next = p.To.Add(1)
		}
		if next != to.Add(1) {
			t.Fatalf("the pieces end before %s, want %s", next, to)
		}
	})
}

func TestSplit(t *testing.T) {
	tests := []struct {
		from, to string
		interval Interval
		want     []string
	}{
		{"2025-06-01", "2025-06-01", D1, []string{"2025-06-01 2025-06-01"}},
		{"2024-01-01", "2024-12-31", D1, []string{"2024-01-01 2024-12-30", "2024-12-31 2024-12-31"}},
		{"2025-06-01", "2025-06-03", "m1", []string{"2025-06-01 2025-06-01", "2025-06-02 2025-06-02", "2025-06-03 2025-06-03"}},
		{"2025-06-02", "2025-06-01", D1, nil},
		{"2025-06-01", "2025-06-01", "w1", nil},
		{"9999-12-30", "9999-12-31", D1, []string{"9999-12-30 9999-12-31"}},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range tt.interval.Split(mustDay(t, tt.from), mustDay(t, tt.to)) {
			got = append(got, p.From.String()+" "+p.To.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s to %s: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestPieceOfOneDay(t *testing.T) {
	p := Piece{From: mustDay(t, "2025-04-27"), To: mustDay(t, "2025-04-27")}
	if p.Start() != 1745712000000 || p.End() != 1745712000000+86400000-1 {
		t.Errorf("the day's request is %d to %d", p.Start(), p.End())
	}
}

func TestPagingCoversEveryRankOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 9000).Draw(t, "n")
		next := 0
		for _, p := range paging(n) {
			if p.offset != next || p.limit < 1 || p.limit > PageLimit {
				t.Fatalf("page %+v, want one at %d", p, next)
			}
			next += p.limit
		}
		if next != n {
			t.Fatalf("%d ranks covered of %d", next, n)
		}
	})
}
