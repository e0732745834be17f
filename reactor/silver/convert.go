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

// lenient says that a field describes and does not measure. A value that its column cannot hold goes to extra; the row stays.
func (f *Field) lenient() bool {
	return !f.Required && (f.Type == Text || f.Type == TextLists || f.nests())
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
	r.rounded = false
	if reason = r.fill(f, c, raw, &r.scratch[i], latest); reason == "" && r.rounded {
		r.original(f, raw)
	}
	return reason
}

// fill reads a value that is not null into a cell. scratch keeps a text that had to be unescaped. It returns why that is
// impossible, or "".
func (r *row) fill(f *Field, c *cell, raw []byte, scratch *[]byte, latest time.Time) (reason string) {
	switch f.Type {
	case Text:
		reason = f.text(c, raw, scratch)
	case TextLists:
		reason = r.textLists(c, raw)
	case Integer, Long:
		reason = f.whole(c, raw, scratch)
	case Decimal:
		reason = r.decimal(f, c, raw, scratch)
	case Time:
		reason = f.time(c, raw, scratch, latest)
	case Double:
		reason = f.double(c, raw, scratch)
	case Boolean:
		reason = f.boolean(c, raw, scratch)
	case Date:
		reason = f.date(c, raw, scratch)
	case JSON:
		c.text = appendCompact((*scratch)[:0], raw)
		*scratch = c.text
	default:
		reason = r.nested(f, c, raw, latest)
	}
	c.set = reason == ""
	return reason
}

func (f *Field) text(c *cell, raw []byte, scratch *[]byte) string {
	if raw[0] != '"' {
		return "is " + kindOf(raw) + ", not a string"
	}
	c.text = plain(scratch, raw)
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

// numberText returns the text of a number that came as a JSON number or as a string.
func numberText(raw []byte, scratch *[]byte) (text []byte, reason string) {
	switch {
	case raw[0] == '"':
		return plain(scratch, raw), ""
	case raw[0] == '-' || isDigit(raw[0]):
		return raw, ""
	}
	return nil, "is " + kindOf(raw) + ", not a number"
}

func (f *Field) whole(c *cell, raw []byte, scratch *[]byte) string {
	text, reason := numberText(raw, scratch)
	if reason != "" {
		return reason
	}
	least, most, bits := int64(math.MinInt32), int64(math.MaxInt32), 32
	if f.Type == Long {
		least, most, bits = math.MinInt64, math.MaxInt64, 64
	}
	n, err := parseNumber(text, 0)
	switch {
	case isOverflow(err) && f.Type == Long:
		return quote(text) + " does not fit 64 bits"
	case err != nil:
		return err.Error()
	case n.rounded:
		return quote(text) + " is not a whole number"
	case n.negative && f.NonNegative:
		return quote(text) + " is negative"
	case n.value.Greater(decimal128.FromI64(most)) || n.value.Less(decimal128.FromI64(least)):
		return fmt.Sprintf("%s does not fit %d bits", quote(text), bits)
	}
	c.whole = int64(n.value.LowBits())
	if !f.bounded {
		return ""
	}
	return f.bounds(n.value, text)
}

func (r *row) decimal(f *Field, c *cell, raw []byte, scratch *[]byte) string {
	text, reason := numberText(raw, scratch)
	if reason != "" {
		return reason
	}
	n, err := parseNumber(text, f.Scale)
	switch {
	case f.Below > 0 && (isOverflow(err) || err == nil && f.beyond(n.value)):
		return fmt.Sprintf("%s is beyond reason: it must be below 10^%d", quote(text), f.Below)
	case isOverflow(err), err == nil && f.ceilings && n.value.Abs().GreaterEqual(f.ceiling):
		return (&overflowError{text: text, precision: f.Precision, scale: f.Scale}).Error()
	case err != nil:
		return err.Error()
	case n.negative && f.NonNegative:
		return quote(text) + " is negative"
	}
	c.number = n.value
	r.rounded = r.rounded || n.rounded
	if !f.bounded {
		return ""
	}
	return f.bounds(n.value, text)
}

// bounds holds an exact number to the definition.
func (f *Field) bounds(n decimal128.Num, text []byte) string {
	switch {
	case f.Least != nil && n.Less(f.Least.exact):
		return quote(text) + " is less than " + f.Least.Text
	case f.Most != nil && n.Greater(f.Most.exact):
		return quote(text) + " is more than " + f.Most.Text
	}
	return ""
}

func isOverflow(err error) bool {
	_, ok := err.(*overflowError)
	return ok
}

func (f *Field) beyond(n decimal128.Num) bool {
	bound, ok := powerOfTen(f.Below, f.Scale)
	return ok && n.Abs().GreaterEqual(bound)
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
