package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"millrace/infra/strict"
)

// Rows is where in a JSON answer the rows are, as the dataset says it.
type Rows struct {
	At   Path
	Lone bool // an object in the list's place may be a row itself
}

// Step of a path: a member's name, or a position in a list.
type Step struct {
	Name     string
	Position int // -1 for a name
}

// Path leads to a value: names with dots between them, [n], and ["a name with a dot"], as in fields.
type Path []Step

// everyList is the step that takes each list of an object.
const everyList = "*"

// ParsePath reads a path.
func ParsePath(text string) (Path, error) {
	bad := func(what string) (Path, error) {
		return nil, fmt.Errorf("the path %q: %s; write name.name, name[0] or [\"a name with a dot\"]", text, what)
	}
	var path Path
	for rest := text; rest != ""; {
		switch {
		case strings.HasPrefix(rest, `["`):
			quoted, err := strconv.QuotedPrefix(rest[1:])
			if err != nil || !strings.HasPrefix(rest[1+len(quoted):], "]") {
				return bad(`[" has no end`)
			}
			name, err := strconv.Unquote(quoted)
			if err != nil {
				return bad(err.Error())
			}
			path, rest = append(path, Step{name, -1}), rest[len(quoted)+2:]
		case rest[0] == '[':
			inside, after, ok := strings.Cut(rest[1:], "]")
			n, err := strconv.Atoi(inside)
			if !ok || err != nil || n < 0 {
				return bad(strconv.Quote(inside) + " is no position")
			}
			path, rest = append(path, Step{Position: n}), after
		default:
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return bad("a name is empty")
			}
			path, rest = append(path, Step{rest[:end], -1}), rest[end:]
		}
		if more, ok := strings.CutPrefix(rest, "."); ok {
			if rest = more; more == "" {
				return bad("a name is missing behind a dot")
			}
		}
	}
	return path, nil
}

func readRows(node *yaml.Node, r *strict.Reader) Rows {
	var rows Rows
	for i := 0; node != nil && i+1 < len(node.Content); i += 2 {
		switch value := node.Content[i+1]; node.Content[i].Value {
		case "at":
			path, err := ParsePath(value.Value)
			if err != nil {
				r.Say(value, "%v", err)
			}
			rows.At = path
		case "one":
			rows.Lone = true
		}
	}
	return rows
}

// The ways in which an answer is not what was asked for.
var (
	// ErrCut is a text that ends early.
	ErrCut = errors.New("it ends early")
	// ErrNotJSON is another text.
	ErrNotJSON = errors.New("it is not JSON")
	// ErrNoRows is JSON without rows in its place.
	ErrNoRows = errors.New("no rows are where the dataset's file says that they are")
)

// lenient options: what else is wrong with an answer is the reactor's to say, row by row.
func decoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func wrong(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return ErrCut
	}
	return ErrNotJSON
}

// Count reads a whole answer and counts the rows in it.
func (c Rows) Count(body []byte) (int, error) {
	d := decoder(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if d.PeekKind() == 0 {
		_, err := d.ReadToken()
		return 0, wrong(err)
	}
	n, found, err := c.count(d, c.At)
	if err != nil {
		return 0, wrong(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return 0, ErrNotJSON
	}
	if !found {
		return 0, ErrNoRows
	}
	return n, nil
}

// count reads the next value. found tells whether rows were in their place.
func (c Rows) count(d *jsontext.Decoder, at Path) (n int, found bool, err error) {
	switch kind := d.PeekKind(); {
	case len(at) == 0 && kind == '[':
		n, err = elements(d)
		return n, true, err
	case len(at) == 0 && kind == '{':
		return 1, c.Lone, d.SkipValue()
	case len(at) == 0 || kind != '{' && kind != '[':
		return 0, false, d.SkipValue()
	}
	list := d.PeekKind() == '['
	if _, err := d.ReadToken(); err != nil {
		return 0, false, err
	}
	for i := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; i++ {
		name := ""
		if !list {
			t, err := d.ReadToken()
			if err != nil {
				return 0, false, err
			}
			name = t.String()
		}
		s := at[0]
		on := list && s.Position == i || !list && s.Position < 0 && (s.Name == name || s.Name == everyList && d.PeekKind() == '[')
		if !on {
			if err := d.SkipValue(); err != nil {
				return 0, false, err
			}
			continue
		}
		more, there, err := c.count(d, at[1:])
		if err != nil {
			return 0, false, err
		}
		n, found = n+more, found || there
	}
	_, err = d.ReadToken()
	return n, found, err
}

func elements(d *jsontext.Decoder) (n int, err error) {
	if _, err := d.ReadToken(); err != nil {
		return 0, err
	}
	for ; d.PeekKind() != ']'; n++ {
		if err := d.SkipValue(); err != nil {
			return n, err
		}
	}
	_, err = d.ReadToken()
	return n, err
}

// Find returns the text or number at the path of an answer, "" for none.
func (p Path) Find(body []byte) string {
	v := jsontext.Value(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	for _, s := range p {
		if v = s.of(v); v == nil {
			return ""
		}
	}
	switch d := decoder(v); d.PeekKind() {
	case '"', '0':
		t, err := d.ReadToken()
		if err == nil {
			return t.String()
		}
	}
	return ""
}

// of returns the member of a value that the step leads to.
func (s Step) of(v jsontext.Value) jsontext.Value {
	d := decoder(v)
	open, err := d.ReadToken()
	if err != nil || open.Kind() != '{' && open.Kind() != '[' {
		return nil
	}
	for i := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; i++ {
		name := ""
		if open.Kind() == '{' {
			t, err := d.ReadToken()
			if err != nil {
				return nil
			}
			name = t.String()
		}
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if open.Kind() == '[' && s.Position == i || open.Kind() == '{' && s.Position < 0 && s.Name == name {
			return value.Clone()
		}
	}
	return nil
}
