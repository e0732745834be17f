package sql

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// prices are the columns of a result: times, texts and numbers.
var prices = arrow.NewSchema([]arrow.Field{
	{Name: "asset_id", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "day", Type: arrow.FixedWidthTypes.Date32},
	{Name: "close", Type: &arrow.Decimal128Type{Precision: 38, Scale: 28}},
}, nil)

func plotted(t *testing.T, query string) Plot {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	p := plotOf(v)
	p.offer(prices)
	return p
}

func TestAPlotTakesTimesAlongAndNumbersAsLines(t *testing.T) {
	for _, c := range []struct{ query, x, lines, by string }{
		{"", "day", "n close", ""}, {"y=close", "day", "close", ""}, {"x=n", "n", "close", ""}, {"x=asset_id&y=nothing", "day", "n close", ""},
		{"by=asset_id", "day", "n close", "asset_id"}, {"by=close", "day", "n close", ""}, {"by=-", "day", "n close", "-"}, {"x=n&y=n&y=close", "n", "close", ""},
	} {
		p := plotted(t, c.query)
		if got := strings.Join(p.Lines, " "); p.X != c.x || got != c.lines || p.By != c.by || !p.Possible() {
			t.Errorf("%q: %s along, lines %s by %q; want %s, %s by %q", c.query, p.X, got, p.By, c.x, c.lines, c.by)
		}
	}
	var p Plot
	p.offer(arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil))
	if p.Possible() {
		t.Errorf("one number alone is drawn: %+v", p)
	}
}

func drawnOf(t *testing.T, query string, rows ...point) Chart {
	t.Helper()
	d := drawing{plot: plotted(t, query), at: map[float64]int{}, lines: map[string]*Line{}}
	for _, p := range rows {
		d.add(p)
	}
	return d.chart()
}

func at(x float64, by string, values ...float64) point {
	p := point{x: x, by: by}
	for _, v := range values {
		p.values = append(p.values, &v)
	}
	return p
}

func TestRowsThatShareATimeAreLinesOfTheirOwn(t *testing.T) {
	rows := []point{at(2, "b", 1, 20), at(1, "a", 2, 10), at(2, "a", 3, 30)}
	for _, c := range []struct {
		query string
		names []string
		note  string
	}{
		{"", []string{"b", "a"}, "n: a line for each asset_id"}, {"y=close", []string{"b", "a"}, "close: a line for each asset_id"},
		{"y=n&y=close", []string{"b n", "b close", "a n", "a close"}, "n, close: a line for each asset_id"}, {"by=-", []string{"n", "close"}, ""}, {"by=asset_id&y=close", []string{"b", "a"}, ""},
	} {
		chart := drawnOf(t, c.query, rows...)
		var names []string
		for _, s := range chart.Series {
			names = append(names, s.Name)
			if len(s.Values) != len(chart.Time) {
				t.Errorf("%q: %s has %d values for %d times", c.query, s.Name, len(s.Values), len(chart.Time))
			}
		}
		if !slices.Equal(names, c.names) || chart.Note != c.note || !slices.Equal(chart.Time, []float64{1, 2}) {
			t.Errorf("%q draws %q at %v with %q, want %q with %q", c.query, names, chart.Time, chart.Note, c.names, c.note)
		}
	}
	if alone := drawnOf(t, "", rows[:2]...); alone.By != "" || len(alone.Series) != 2 {
		t.Errorf("rows with a time of their own are split: %+v", alone)
	}
}

func TestAChartHasNoMoreLinesThanPeopleTellApart(t *testing.T) {
	var rows []point
	for i := range 40 {
		rows = append(rows, at(1, string(rune('a'+i)), 1, 1))
	}
	if c := drawnOf(t, "y=close", rows...); len(c.Series) != mostLines || !strings.Contains(c.Note, "12 of 40") {
		t.Errorf("%d lines with %q", len(c.Series), c.Note)
	}
}

func TestAnAxisHasNumbersAndTimes(t *testing.T) {
	day := time.Date(2026, 1, 31, 12, 0, 0, 500e6, time.UTC)
	for _, c := range []struct {
		value any
		want  float64
	}{{int64(-3), -3}, {2.5, 2.5}, {json.Number("0.1"), .1}, {day, float64(day.Unix()) + .5}, {"2026-01-31", float64(day.Truncate(24 * time.Hour).Unix())}} {
		if got := number(c.value); got == nil || *got != c.want {
			t.Errorf("%v is at %v, want %v", c.value, got, c.want)
		}
	}
	for _, value := range []any{nil, "text", math.NaN(), math.Inf(1), true, []any{int64(1)}} {
		if got := number(value); got != nil {
			t.Errorf("%v is at %v", value, *got)
		}
	}
}
