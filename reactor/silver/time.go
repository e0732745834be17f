package silver

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// time reads a number since 1970 in the field's unit (or a string of one), or a time that is written out, with microseconds.
func (f *Field) time(c *cell, raw []byte, scratch *[]byte, latest time.Time) string {
	text, reason := numberText(raw, scratch)
	if reason != "" {
		return "is " + kindOf(raw) + ", not a time"
	}
	if !f.observed {
		latest = farthest.Add(-1)
	}
	n, err := number{}, errWritten
	if !writtenOut(text) {
		n, err = parseNumber(text, units[f.unit].scale)
	}
	var t time.Time
	switch {
	case isOverflow(err) || err == nil && n.value != decimal128.FromI64(int64(n.value.LowBits())):
		return quote(text) + " is no time in " + units[f.unit].name + " since 1970" + f.finer(text, latest)
	case err == nil:
		t = time.UnixMicro(int64(n.value.LowBits())).UTC()
	default:
		moment, ok := parseMoment(text)
		if !ok {
			return quote(text) + " is no time: epoch " + units[f.unit].name + " or RFC 3339 are expected"
		}
		t = moment.Truncate(time.Microsecond)
	}
	if reason := f.outOfTime(t, text, latest, err == nil); reason != "" {
		return reason
	}
	c.whole = t.UnixMicro()
	return ""
}

// errWritten says that a time is no number.
var errWritten = errors.New("the time is written out")

// writtenOut tells a text like 2025-04-27 from a number: one that has a minus there has an e before it.
func writtenOut(text []byte) bool { return len(text) > 4 && text[4] == '-' && isDigit(text[3]) }

// finer says whether a number that is beyond the field's unit is a time in nanoseconds.
func (f *Field) finer(text []byte, latest time.Time) string {
	n, err := parseNumber(text, 0)
	if err != nil || n.value != decimal128.FromI64(int64(n.value.LowBits())) {
		return ""
	}
	return f.looksLike(int64(n.value.LowBits()), units[len(units)-1:], latest)
}

// outOfTime refuses what is too early or after the object, and says which other unit the number may be in.
func (f *Field) outOfTime(t time.Time, text []byte, latest time.Time, epoch bool) string {
	var reason string
	var others []unit
	switch {
	case t.Before(f.earliest()):
		reason = fmt.Sprintf("%s (%s) is before %s", quote(text), t.Format(shown), f.earliest().Format(time.DateOnly))
		if f.EarliestIs != "" {
			reason += ", " + f.EarliestIs
		}
		others = units[:f.unit]
	case t.After(latest):
		reason = fmt.Sprintf("%s (%s) is more than %d hours after the object was stored", quote(text), t.Format(shown), int(slack.Hours()))
		if !f.observed {
			reason = fmt.Sprintf("%s is after %s, which not every engine can store", quote(text), latest.Format(time.DateOnly))
		}
		others = units[f.unit+1:]
	}
	if reason == "" || !epoch {
		return reason
	}
	return reason + f.looksLike(units[f.unit].count(t), others, latest)
}

// date reads a day that is written out.
func (f *Field) date(c *cell, raw []byte, scratch *[]byte) string {
	if raw[0] != '"' {
		return "is " + kindOf(raw) + ", not a date"
	}
	text := plain(scratch, raw)
	t, err := time.Parse(time.DateOnly, string(text))
	switch {
	case err != nil:
		return quote(text) + " is no date: YYYY-MM-DD is expected"
	case t.Before(f.earliest()):
		return fmt.Sprintf("%s is before %s", quote(text), f.earliest().Format(time.DateOnly))
	}
	c.whole = t.Unix() / (24 * 60 * 60)
	return ""
}
