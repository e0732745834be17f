package silver

import (
	"fmt"
	"time"
)

// unit is what a number counts that stands for a time.
type unit struct {
	short, name string
	// scale turns the number into microseconds: it is multiplied by 10^scale.
	scale int
}

// units from the coarsest to the finest.
var units = []unit{{"s", "seconds", 6}, {"ms", "milliseconds", 3}, {"us", "microseconds", 0}, {"ns", "nanoseconds", -3}}

// defaultUnit is milliseconds: what most APIs send.
const defaultUnit = 1

// unitOf finds a unit by its short name; "" is the default.
func unitOf(short string) (int, bool) {
	if short == "" {
		return defaultUnit, true
	}
	for i, u := range units {
		if u.short == short {
			return i, true
		}
	}
	return 0, false
}

// in is the moment that a number of the unit stands for.
func (u unit) in(n int64) time.Time {
	switch u.short {
	case "s":
		return time.Unix(n, 0)
	case "ms":
		return time.UnixMilli(n)
	case "us":
		return time.UnixMicro(n)
	}
	return time.Unix(0, n)
}

// count is the inverse of in.
func (u unit) count(t time.Time) int64 {
	switch u.short {
	case "s":
		return t.Unix()
	case "ms":
		return t.UnixMilli()
	case "us":
		return t.UnixMicro()
	}
	return t.UnixNano()
}

// looksLike says that a number, which is no time in the field's unit, is one in another unit. It is empty when it is not.
func (f *Field) looksLike(n int64, candidates []unit, latest time.Time) string {
	for _, u := range candidates {
		if t := u.in(n); !t.Before(f.earliest()) && !t.After(latest) {
			return fmt.Sprintf("; it looks like %s (%s): epoch %s are expected", u.name, t.UTC().Format(shown), units[f.unit].name)
		}
	}
	return ""
}
