package silver

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// inner reads the members of one container. Containers in each other are read at the same time, so each has its own.
type inner struct {
	decoder jsontext.Decoder
	buffer  bytes.Buffer
}

// rowKind is what a row is, for reasons.
func (d *Dataset) rowKind() string {
	if d.Positions {
		return "a list"
	}
	return "an object"
}

// open takes the members of a container that is in the row. What no path leads to is extra, under its own path.
func (r *row) open(n int, value []byte) *refusal {
	c := &r.d.containers[n]
	if r.boxes[n] != nil {
		return twice(c.path)
	}
	r.boxes[n] = value
	switch value[0] {
	case 'n':
		return nil
	case '{':
		if len(c.names) > 0 {
			return r.members(n, value)
		}
	case '[':
		if len(c.positions) > 0 {
			return r.positions(n, value)
		}
	}
	wanted := "an object"
	if len(c.names) == 0 {
		wanted = "a list"
	}
	return &refusal{field: c.path, reason: fmt.Sprintf("is %s, not %s", kindOf(value), wanted)}
}

// members takes an object apart. The row was read as a whole before, so its text is sound.
func (r *row) members(n int, value []byte) *refusal {
	in := r.reader(n, value)
	for in.decoder.PeekKind() == '"' {
		quoted, err := in.decoder.ReadValue()
		if err != nil {
			return r.syntax(value, err)
		}
		name := string(quoted[1 : len(quoted)-1])
		if strings.IndexByte(name, '\\') >= 0 {
			plain, _ := jsontext.AppendUnquote(nil, quoted)
			name = string(plain)
		}
		member, err := in.decoder.ReadValue()
		if err != nil {
			return r.syntax(value, err)
		}
		if ref := r.found(n, step{name: name, position: -1}, member); ref != nil {
			return ref
		}
	}
	return nil
}

// positions takes a list apart.
func (r *row) positions(n int, value []byte) *refusal {
	in := r.reader(n, value)
	for at := 0; in.decoder.PeekKind() != ']'; at++ {
		element, err := in.decoder.ReadValue()
		if err != nil {
			return r.syntax(value, err)
		}
		if ref := r.found(n, step{position: at}, element); ref != nil {
			return ref
		}
	}
	return nil
}

func (r *row) reader(n int, value []byte) *inner {
	in := &r.inner[n]
	in.buffer = *bytes.NewBuffer(value)
	in.decoder.Reset(&in.buffer, asList...)
	_, _ = in.decoder.ReadToken()
	return in
}

// found files one member of a container.
func (r *row) found(n int, s step, value []byte) *refusal {
	c := &r.d.containers[n]
	to, known := c.at(s)
	switch {
	case !known:
		r.extra = append(r.extra, member{name: c.below(s), value: value})
		return nil
	case to < 0:
		return r.open(-to, value)
	case r.values[to] != nil:
		return twice(r.d.inputs[to].name)
	}
	r.values[to] = value
	return nil
}

// splitList takes a row apart that is a list of positions.
func (r *row) splitList(raw []byte) *refusal {
	if !jsontext.Value(raw).IsValid(options) {
		if !jsontext.Value(raw).IsValid(options, jsontext.AllowInvalidUTF8(true)) {
			return r.notObject(raw)
		}
		return &refusal{reason: "not valid UTF-8, or half of a surrogate pair"}
	}
	if depth := depthOf(raw); depth >= maxDepth {
		return &refusal{reason: fmt.Sprintf("nested %d levels deep: at most %d are kept", depth, maxDepth)}
	}
	if ref := r.positions(0, raw); ref != nil {
		return ref
	}
	return r.sortExtra()
}
