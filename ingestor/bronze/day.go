package bronze

import (
	"fmt"
	"time"
)

const dayLayout = "2006-01-02"

// Day is a calendar day in UTC, from 1970-01-01 to 9999-12-31. The zero value is no day. Day is a struct and not a number of
// days since 1970, because then the first day would be the same as none.
type Day struct {
	n int32 // days since 1969-12-31; 0 is no day
}

// lastDay is 9999-12-31, the last that the text form can show.
const lastDay = 2932897

// ParseDay reads the form of String, YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dayLayout, s)
	if err != nil {
		return Day{}, fmt.Errorf("%q is not a day of the form YYYY-MM-DD", s)
	}
	if t.Year() < 1970 {
		return Day{}, fmt.Errorf("the day %s is before 1970", s)
	}
	return DayOf(t), nil
}

// DayOf returns the UTC day that t is in; no day if that is outside 1970 to 9999.
func DayOf(t time.Time) Day {
	seconds := t.Unix()
	days := seconds / 86400
	if seconds < 0 || days+1 > lastDay {
		return Day{}
	}
	return Day{n: int32(days) + 1}
}

// DayOfUnix returns the day that is n days after 1970-01-01, which is how Arrow and Iceberg write a date.
func DayOfUnix(n int32) Day {
	if n < 0 || n >= lastDay {
		return Day{}
	}
	return Day{n: n + 1}
}

// Unix returns the number of days since 1970-01-01; for no day −1.
func (d Day) Unix() int32 { return d.n - 1 }

// IsZero reports whether d is no day.
func (d Day) IsZero() bool { return d.n == 0 }

// Start returns the first instant of the day; for no day the zero time.
func (d Day) Start() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Unix(int64(d.Unix())*86400, 0).UTC()
}

// Add returns the day n days later, or earlier if n is negative. It returns no day for no day, and outside of the range.
func (d Day) Add(n int) Day {
	moved := int64(d.n) + int64(n)
	if d.IsZero() || moved < 1 || moved > lastDay {
		return Day{}
	}
	return Day{n: int32(moved)}
}

// Sub returns the number of days from e to d.
func (d Day) Sub(e Day) int { return int(d.n) - int(e.n) }

// Compare is negative when d is before e, 0 when they are equal; no day is before every day.
func (d Day) Compare(e Day) int { return int(d.n) - int(e.n) }

// Before reports whether d is earlier than e.
func (d Day) Before(e Day) bool { return d.n < e.n }

// After reports whether d is later than e.
func (d Day) After(e Day) bool { return d.n > e.n }

// String is YYYY-MM-DD; no day is empty.
func (d Day) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Start().Format(dayLayout)
}

// MarshalText is String.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote; kong reads flags by it.
func (d *Day) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Day{}
		return nil
	}
	day, err := ParseDay(string(text))
	if err != nil {
		return err
	}
	*d = day
	return nil
}
