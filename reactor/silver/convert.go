package silver

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// slack is how far a row may be ahead of the object that brings it: clocks differ, and days end at different times.
	slack = 24 * time.Hour
	// shown is how reasons write a time.
	shown = "2006-01-02T15:04:05Z"
)

// earliest is the first time that a row may have: Bitcoin's first block. Seconds that are read as milliseconds are in 1970.
var earliest = time.Date(2009, 1, 3, 0, 0, 0, 0, time.UTC)

// lenient says that a field describes and does not measure. A value that its column cannot hold goes to extra; the row stays.
func (f *Field) lenient() bool {
	return !f.Required && (f.Type == Text || f.Type == TextLists)
}

func isNull(raw []byte) bool { return raw == nil || raw[0] == 'n' }

// convert reads a raw JSON value into the cell of column i. It returns why that is impossible, or "".
func (r *row) convert(i int, raw []byte, latest time.Time) (reason string) {
	f, c := &r.d.columns[i], &r.cells[i]
	c.set = false
	if isNull(raw) {
		switch {
		case !f.Required:
		case raw == nil:
			return "is missing"
		default:
			return "is null"
		}
		return ""
	}
	switch f.Type {
	case Text:
		reason = r.text(i, f, c, raw)
	case TextLists:
		reason = r.textLists(c, raw)
	case Integer:
		reason = r.integer(i, f, c, raw)
	case Price, Amount:
		reason = r.decimal(i, f, c, raw)
	case Time:
		reason = r.time(i, c, raw, latest)
	}
	c.set = reason == ""
	return reason
}

func (r *row) text(i int, f *Field, c *cell, raw []byte) string {
	if raw[0] != '"' {
		return "is " + kindOf(raw) + ", not a string"
	}
	c.text = plain(&r.scratch[i], raw)
	switch {
	case f.Required && len(c.text) == 0:
		return "is empty"
	case f.MaxBytes > 0 && len(c.text) > f.MaxBytes:
		return fmt.Sprintf("is %d bytes long, at most %d are allowed: %s", len(c.text), f.MaxBytes, quote(c.text))
	case bytes.IndexByte(c.text, 0) >= 0:
		return "contains a NUL character, which not every engine can store"
	case len(f.Allowed) > 0 && !slices.Contains(f.Allowed, string(c.text)):
		return fmt.Sprintf("%s is not one of %s", quote(c.text), strings.Join(f.Allowed, ", "))
	}
	return ""
}

// digits returns the text of a number that came as a JSON number or as a string.
func (r *row) digits(i int, raw []byte) (text []byte, reason string) {
	switch {
	case raw[0] == '"':
		return plain(&r.scratch[i], raw), ""
	case raw[0] == '-' || isDigit(raw[0]):
		return raw, ""
	}
	return nil, "is " + kindOf(raw) + ", not a number"
}

func (r *row) integer(i int, f *Field, c *cell, raw []byte) string {
	text, reason := r.digits(i, raw)
	if reason != "" {
		return reason
	}
	n, err := parseNumber(text, 0)
	switch {
	case err != nil:
		return err.Error()
	case n.rounded:
		return quote(text) + " is not a whole number"
	case n.negative && f.NonNegative:
		return quote(text) + " is negative"
	case n.value.Greater(decimal128.FromI64(math.MaxInt32)) || n.value.Less(decimal128.FromI64(math.MinInt32)):
		return quote(text) + " does not fit 32 bits"
	}
	c.whole = int64(n.value.LowBits())
	return ""
}

func (r *row) decimal(i int, f *Field, c *cell, raw []byte) string {
	text, reason := r.digits(i, raw)
	if reason != "" {
		return reason
	}
	n, err := parseNumber(text, f.Type.scale())
	switch {
	case f.Below > 0 && (isOverflow(err) || err == nil && f.beyond(n.value)):
		return fmt.Sprintf("%s is beyond reason: it must be below 10^%d", quote(text), f.Below)
	case err != nil:
		return err.Error()
	case n.negative && f.NonNegative:
		return quote(text) + " is negative"
	}
	c.number = n.value
	if n.rounded {
		r.original(f, raw)
	}
	return ""
}

func isOverflow(err error) bool {
	_, ok := err.(*overflowError)
	return ok
}

func (f *Field) beyond(n decimal128.Num) bool {
	bound, ok := powerOfTen(f.Below, f.Type.scale())
	return ok && n.Abs().GreaterEqual(bound)
}

// time reads epoch milliseconds (a number, or a string of one) or a time that is written out, with microseconds.
func (r *row) time(i int, c *cell, raw []byte, latest time.Time) string {
	text, reason := r.digits(i, raw)
	if reason != "" {
		return "is " + kindOf(raw) + ", not a time"
	}
	n, err := parseNumber(text, 3)
	var t time.Time
	switch {
	case isOverflow(err) || err == nil && n.value != decimal128.FromI64(int64(n.value.LowBits())):
		return quote(text) + " is no time in milliseconds since 1970" + nanoseconds(text, latest)
	case err == nil:
		t = time.UnixMicro(int64(n.value.LowBits())).UTC()
	default:
		moment, ok := parseMoment(text)
		if !ok {
			return quote(text) + " is no time: epoch milliseconds or RFC 3339 are expected"
		}
		t = moment.Truncate(time.Microsecond)
	}
	if reason := outOfTime(t, text, latest, err == nil); reason != "" {
		return reason
	}
	c.whole = t.UnixMicro()
	return ""
}

// nanoseconds says whether a number that is beyond milliseconds is a time in nanoseconds.
func nanoseconds(text []byte, latest time.Time) string {
	n, err := parseNumber(text, 0)
	if err != nil || n.value != decimal128.FromI64(int64(n.value.LowBits())) {
		return ""
	}
	t := time.Unix(0, int64(n.value.LowBits())).UTC()
	if t.Before(earliest) || t.After(latest) {
		return ""
	}
	return fmt.Sprintf("; it looks like nanoseconds (%s): epoch milliseconds are expected", t.Format(shown))
}

// outOfTime refuses what is before Bitcoin or after the object, and says which other unit the number may be in.
func outOfTime(t time.Time, text []byte, latest time.Time, epoch bool) string {
	type unit struct {
		name string
		t    time.Time
	}
	var reason string
	var units []unit
	switch n := t.UnixMilli(); {
	case t.Before(earliest):
		reason = fmt.Sprintf("%s (%s) is before %s, Bitcoin's first block", quote(text), t.Format(shown), earliest.Format(time.DateOnly))
		units = []unit{{"seconds", time.Unix(n, 0)}}
	case t.After(latest):
		reason = fmt.Sprintf("%s (%s) is more than %d hours after the object was stored", quote(text), t.Format(shown), int(slack.Hours()))
		units = []unit{{"microseconds", time.UnixMicro(n)}, {"nanoseconds", time.Unix(0, n)}}
	}
	for _, u := range units {
		if epoch && !u.t.Before(earliest) && !u.t.After(latest) {
			return fmt.Sprintf("%s; it looks like %s (%s): epoch milliseconds are expected", reason, u.name, u.t.UTC().Format(shown))
		}
	}
	return reason
}

// textLists reads an object of strings or lists of strings; the names are sorted, so that equal maps are equal rows.
func (r *row) textLists(c *cell, raw []byte) string {
	c.lists = c.lists[:0]
	if raw[0] != '{' {
		return "is " + kindOf(raw) + ", not an object"
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), options)
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		name, _ := d.ReadToken()
		l := textList{name: name.String()}
		ok := true
		switch d.PeekKind() {
		case '"':
			t, _ := d.ReadToken()
			l.values = []string{t.String()}
		case '[':
			l.values, ok = texts(d)
		default:
			ok = false
		}
		if !ok {
			return fmt.Sprintf("has something else than a list of strings under %s", quote([]byte(l.name)))
		}
		c.lists = append(c.lists, l)
	}
	slices.SortFunc(c.lists, func(a, b textList) int { return strings.Compare(a.name, b.name) })
	for i, l := range c.lists {
		if i > 0 && l.name == c.lists[i-1].name {
			return "has " + quote([]byte(l.name)) + " twice"
		}
		if strings.IndexByte(l.name, 0) >= 0 || slices.ContainsFunc(l.values, func(s string) bool { return strings.IndexByte(s, 0) >= 0 }) {
			return "contains a NUL character, which not every engine can store"
		}
	}
	return ""
}

func texts(d *jsontext.Decoder) ([]string, bool) {
	_, _ = d.ReadToken()
	values := []string{}
	for d.PeekKind() == '"' {
		t, _ := d.ReadToken()
		values = append(values, t.String())
	}
	return values, d.PeekKind() == ']' && func() bool { _, err := d.ReadToken(); return err == nil }()
}
