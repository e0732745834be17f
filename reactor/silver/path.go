package silver

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// step of a path: a member's name, or a position in a list.
type step struct {
	name     string
	position int // -1 for a name
}

// any is the step of a path to rows that every list below an object takes.
const anyName = "*"

// parsePath reads a path in a payload: names with dots between them, positions as [n], and names that have dots or brackets
// themselves as ["a.b"]. `geometry.coordinates[0]` has three steps.
func parsePath(text string) ([]step, error) {
	var steps []step
	rest := text
	for rest != "" {
		var s step
		var err error
		if rest[0] == '[' {
			s, rest, err = bracket(rest)
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			s, rest = step{name: rest[:end], position: -1}, rest[end:]
			if s.name == "" {
				err = fmt.Errorf("a name is empty")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("the path %q: %w; write name.name, name[0] or [\"a name with a dot\"]", text, err)
		}
		steps = append(steps, s)
		if more, ok := strings.CutPrefix(rest, "."); ok {
			if more == "" || more[0] == '[' || more[0] == '.' {
				return nil, fmt.Errorf("the path %q: a name is missing behind a dot", text)
			}
			rest = more
		}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("the path is empty")
	}
	return steps, nil
}

// bracket reads [n] or ["name"] at the beginning of a path.
func bracket(text string) (step, string, error) {
	if strings.HasPrefix(text, `["`) {
		name, err := strconv.QuotedPrefix(text[1:])
		if err != nil || !strings.HasPrefix(text[1+len(name):], "]") {
			return step{}, "", fmt.Errorf(`[" has no end`)
		}
		plain, err := strconv.Unquote(name)
		return step{name: plain, position: -1}, text[len(name)+2:], err
	}
	inside, rest, ok := strings.Cut(text[1:], "]")
	n, err := strconv.Atoi(inside)
	if !ok || err != nil || n < 0 || n >= maxPositions {
		return step{}, "", fmt.Errorf("%q is no position from 0 to %d", inside, maxPositions-1)
	}
	return step{position: n}, rest, nil
}

// maxPositions bounds the lists whose positions have names.
const maxPositions = 1000

// container is an object or a list on the way to values: which member leads where. A number of zero or more is an input, a
// negative one a container.
type container struct {
	path      string // "" for the row itself
	names     map[string]int
	positions []int
}

// nothing is where an unknown position leads.
const leadsNowhere = -1 << 30

func (c *container) at(s step) (int, bool) {
	if s.position < 0 {
		n, ok := c.names[s.name]
		return n, ok
	}
	if s.position < len(c.positions) && c.positions[s.position] != leadsNowhere {
		return c.positions[s.position], true
	}
	return 0, false
}

func (c *container) lead(s step, to int) {
	if s.position < 0 {
		c.names[s.name] = to
		return
	}
	for len(c.positions) <= s.position {
		c.positions = append(c.positions, leadsNowhere)
	}
	c.positions[s.position] = to
}

// below is the path of a member of the container.
func (c *container) below(s step) string {
	switch {
	case s.position >= 0:
		return c.path + "[" + strconv.Itoa(s.position) + "]"
	case c.path == "":
		return s.name
	}
	return c.path + "." + s.name
}

// place makes a path lead to an input.
func (d *Dataset) place(path string, steps []step, input int) error {
	c := 0
	for i, s := range steps {
		at, there := d.containers[c].at(s)
		if i == len(steps)-1 {
			if there && at != input {
				return fmt.Errorf("two fields are named %s", path)
			}
			d.containers[c].lead(s, input)
			return nil
		}
		switch {
		case there && at >= 0:
			return fmt.Errorf("%s is a field, and %s is inside of it", d.containers[c].below(s), path)
		case !there:
			at = -len(d.containers)
			d.containers = append(d.containers, container{path: d.containers[c].below(s), names: map[string]int{}})
			d.containers[c].lead(s, at)
		}
		c = -at
	}
	return nil
}

// find follows a path into a JSON value. It returns nil when nothing is there.
func find(value []byte, steps []step) []byte {
	for _, s := range steps {
		d := jsontext.NewDecoder(newBuffer(value), options)
		if value = into(d, s); value == nil {
			return nil
		}
	}
	return value
}

// into reads on to one member of the value that the decoder is at.
func into(d *jsontext.Decoder, s step) []byte {
	kind := d.PeekKind()
	if kind != '{' && kind != '[' || (kind == '{') != (s.position < 0) {
		return nil
	}
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for n := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; n++ {
		match := n == s.position
		if kind == '{' {
			name, err := d.ReadToken()
			if err != nil {
				return nil
			}
			match = name.String() == s.name
		}
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if match {
			return value
		}
	}
	return nil
}

// inputsOf visits what a number in a container leads to: one input, or all those in the container.
func (d *Dataset) inputsOf(n int, visit func(input int)) {
	switch {
	case n >= 0:
		visit(n)
		return
	case n == leadsNowhere:
		return
	}
	c := &d.containers[-n]
	for _, to := range c.names {
		d.inputsOf(to, visit)
	}
	for _, to := range c.positions {
		d.inputsOf(to, visit)
	}
}
