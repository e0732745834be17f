package silver

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func newBuffer(text []byte) *bytes.Buffer { return bytes.NewBuffer(text) }

func parseFloat(text []byte) (float64, error) { return strconv.ParseFloat(string(text), 64) }

// double reads a number; of a text with more digits than a double holds, the nearest one is taken.
func (f *Field) double(c *cell, raw []byte, scratch *[]byte) string {
	text, reason := numberText(raw, scratch)
	if reason != "" {
		return reason
	}
	x, err := parseDouble(text)
	switch {
	case err != nil:
		return err.Error()
	case x < 0 && f.NonNegative:
		return quote(text) + " is negative"
	case f.Least != nil && x < f.Least.real:
		return quote(text) + " is less than " + f.Least.Text
	case f.Most != nil && x > f.Most.real:
		return quote(text) + " is more than " + f.Most.Text
	}
	c.real = x + 0 // -0 is 0: equal rows are equal bytes
	return ""
}

func (f *Field) boolean(c *cell, raw []byte, scratch *[]byte) string {
	text := raw
	if raw[0] == '"' {
		text = plain(scratch, raw)
	}
	switch string(text) {
	case "true":
		c.whole = 1
	case "false":
		c.whole = 0
	default:
		if raw[0] == '"' {
			return quote(text) + " is neither true nor false"
		}
		return "is " + kindOf(raw) + ", not a boolean"
	}
	return ""
}

// appendCompact writes a JSON value without white space.
func appendCompact(out, raw []byte) []byte {
	out, _ = jsontext.AppendFormat(out, raw, options, jsontext.PreserveRawStrings(true))
	return out
}

// nested reads a list, a map or a struct. A null inside stays one.
func (r *row) nested(f *Field, c *cell, raw []byte, latest time.Time) string {
	if c.inside == nil {
		c.inside = &inside{}
	}
	c.items, c.names = c.items[:0], c.names[:0]
	opens, kind := byte('{'), "an object"
	if f.Type == List {
		opens, kind = '[', "a list"
	}
	if raw[0] != opens {
		return "is " + kindOf(raw) + ", not " + kind
	}
	d := jsontext.NewDecoder(newBuffer(raw), options)
	_, _ = d.ReadToken()
	if f.Type == Struct {
		return r.structOf(f, c, d, latest)
	}
	for n := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; n++ {
		at := strconv.Itoa(n)
		if f.Type == Map {
			name, err := d.ReadToken()
			if err != nil {
				return "is not valid JSON"
			}
			if at = name.String(); strings.IndexByte(at, 0) >= 0 {
				return "contains a NUL character, which not every engine can store"
			}
			c.names = append(c.names, at)
		}
		value, err := d.ReadValue()
		if err != nil {
			return "is not valid JSON"
		}
		c.items = append(c.items, cell{})
		if reason := r.item(&f.Inner[0], &c.items[n], value, latest); reason != "" {
			return fmt.Sprintf("has under %s what %s", quote([]byte(at)), reason)
		}
	}
	return c.sortNames()
}

// sortNames orders a map, so that equal maps are equal rows.
func (c *cell) sortNames() string {
	if len(c.names) < 2 {
		return ""
	}
	order := make([]int, len(c.names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(c.names[a], c.names[b]) })
	names, items := make([]string, len(order)), make([]cell, len(order))
	for to, from := range order {
		names[to], items[to] = c.names[from], c.items[from]
		if to > 0 && names[to] == names[to-1] {
			return "has " + quote([]byte(names[to])) + " twice"
		}
	}
	c.names, c.items = names, items
	return ""
}

// structOf reads the members that the struct has. Others are left out: a struct is what its definition says.
func (r *row) structOf(f *Field, c *cell, d *jsontext.Decoder, latest time.Time) string {
	c.items = make([]cell, len(f.Inner))
	seen := make([]bool, len(f.Inner))
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return "is not valid JSON"
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return "is not valid JSON"
		}
		i := slices.IndexFunc(f.Inner, func(m Field) bool { return m.Column == name || m.From == name })
		if i < 0 {
			continue
		}
		if seen[i] {
			return "has " + quote([]byte(name)) + " twice"
		}
		seen[i] = true
		if reason := r.item(&f.Inner[i], &c.items[i], value, latest); reason != "" {
			return fmt.Sprintf("has under %s what %s", quote([]byte(name)), reason)
		}
	}
	return ""
}

// item reads a value inside of another one.
func (r *row) item(f *Field, c *cell, raw []byte, latest time.Time) string {
	if isNull(raw) {
		return ""
	}
	var scratch []byte
	return r.fill(f, c, raw, &scratch, latest)
}
