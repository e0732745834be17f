// Package plan works out which days of which gold tables a change affects, and which days must be read to write them. It is a pure
// function of the models' inputs and lookbacks, without network, disk, clock or SQL.
package plan

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Day is a UTC calendar day, counted from 1970-01-01 as Iceberg and Arrow do.
type Day int32

const layout = "2006-01-02"

// ParseDay reads YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a day of the form YYYY-MM-DD", s)
	}
	return Day(t.Unix() / 86400), nil
}

// String returns YYYY-MM-DD.
func (d Day) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format(layout) }

// Month returns the number of months since January 1970, as Iceberg's month transform counts.
func (d Day) Month() int {
	t := time.Unix(int64(d)*86400, 0).UTC()
	return (t.Year()-1970)*12 + int(t.Month()) - 1
}

// Range is the days from From to To, both included.
type Range struct{ From, To Day }

// Len returns the number of days.
func (r Range) Len() int { return max(0, int(r.To)-int(r.From)+1) }

// Days is a set of days: sorted ranges with at least one day between them. The zero value is empty. Values never change.
type Days struct{ ranges []Range }

// Of makes a set from ranges in any order, which may overlap. A range that ends before it begins is empty.
func Of(ranges ...Range) Days {
	rs := slices.DeleteFunc(slices.Clone(ranges), func(r Range) bool { return r.From > r.To })
	slices.SortFunc(rs, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	out := rs[:0]
	for _, r := range rs {
		if n := len(out); n > 0 && r.From <= out[n-1].To+1 {
			out[n-1].To = max(out[n-1].To, r.To)
			continue
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return Days{}
	}
	return Days{slices.Clip(out)}
}

// Only makes a set from single days.
func Only(days ...Day) Days {
	rs := make([]Range, len(days))
	for i, d := range days {
		rs[i] = Range{d, d}
	}
	return Of(rs...)
}

// Ranges returns the set's ranges in order.
func (s Days) Ranges() []Range { return slices.Clone(s.ranges) }

// Empty tells whether the set has no day.
func (s Days) Empty() bool { return len(s.ranges) == 0 }

// Len returns the number of days.
func (s Days) Len() int {
	n := 0
	for _, r := range s.ranges {
		n += r.Len()
	}
	return n
}

// Hull returns the range from the first day to the last; ok is false if the set is empty.
func (s Days) Hull() (r Range, ok bool) {
	if s.Empty() {
		return Range{}, false
	}
	return Range{s.ranges[0].From, s.ranges[len(s.ranges)-1].To}, true
}

// All yields the days in order.
func (s Days) All() iter.Seq[Day] {
	return func(yield func(Day) bool) {
		for _, r := range s.ranges {
			for d := r.From; d <= r.To; d++ {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// Contains tells whether d is in the set.
func (s Days) Contains(d Day) bool {
	_, found := slices.BinarySearchFunc(s.ranges, d, func(r Range, d Day) int {
		switch {
		case r.To < d:
			return -1
		case r.From > d:
			return 1
		}
		return 0
	})
	return found
}

// Equal tells whether both sets have the same days.
func (s Days) Equal(o Days) bool { return slices.Equal(s.ranges, o.ranges) }

// Union returns the days that are in either set.
func (s Days) Union(o Days) Days { return Of(append(s.Ranges(), o.ranges...)...) }

// Intersect returns the days that are in both sets.
func (s Days) Intersect(o Days) Days {
	var out []Range
	for i, j := 0, 0; i < len(s.ranges) && j < len(o.ranges); {
		a, b := s.ranges[i], o.ranges[j]
		out = append(out, Range{max(a.From, b.From), min(a.To, b.To)})
		if a.To < b.To {
			i++
		} else {
			j++
		}
	}
	return Of(out...)
}

// Later adds the n days after each day: with a lookback of n days, these depend on the set.
func (s Days) Later(n int) Days { return s.stretch(0, n) }

// Earlier adds the n days before each day: with a lookback of n days, the set depends on these.
func (s Days) Earlier(n int) Days { return s.stretch(n, 0) }

func (s Days) stretch(before, after int) Days {
	rs := s.Ranges()
	for i := range rs {
		rs[i].From -= Day(before)
		rs[i].To += Day(after)
	}
	return Of(rs...)
}

// Chunks cuts the set into parts of at most n days, in order.
func (s Days) Chunks(n int) []Days {
	var out []Days
	var part []Range
	left := n
	for _, r := range s.ranges {
		for r.From <= r.To {
			take := min(r.Len(), left)
			part = append(part, Range{r.From, r.From + Day(take) - 1})
			r.From += Day(take)
			if left -= take; left == 0 {
				out, part, left = append(out, Of(part...)), nil, n
			}
		}
	}
	if len(part) > 0 {
		out = append(out, Of(part...))
	}
	return out
}

// String returns the ranges as text, such as "2026-01-01..2026-01-03 2026-02-01".
func (s Days) String() string {
	parts := make([]string, len(s.ranges))
	for i, r := range s.ranges {
		parts[i] = r.From.String()
		if r.To != r.From {
			parts[i] += ".." + r.To.String()
		}
	}
	return strings.Join(parts, " ")
}

// SQL returns a condition that is true on the days of the set. Its first part is redundant: DuckDB pushes it through joins and into
// scans, which it does not do with a list of alternatives.
func (s Days) SQL(column string) string {
	hull, ok := s.Hull()
	if !ok {
		return "false"
	}
	between := func(r Range) string { return fmt.Sprintf("%s between date '%s' and date '%s'", column, r.From, r.To) }
	if len(s.ranges) == 1 {
		return between(hull)
	}
	parts := make([]string, len(s.ranges))
	for i, r := range s.ranges {
		parts[i] = between(r)
	}
	return between(hull) + " and (" + strings.Join(parts, " or ") + ")"
}
