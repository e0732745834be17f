package silver

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth of a row, itself included. Jackson, and so Spark, refuses JSON nested deeper than 1,000 by default, and
// `extra` must be readable everywhere.
const maxDepth = 512

// member is a name with its raw value.
type member struct {
	name  string
	value []byte
}

// row is the row being read: its raw values by input, and what no input knows. All of it points into the row's text and
// is valid until the next split.
type row struct {
	d       *Dataset
	decoder jsontext.Decoder
	buffer  bytes.Buffer
	values  [][]byte
	boxes   [][]byte // by container, where the definition has any
	inner   []inner  // what reads a container
	extra   []member
	cells   []cell
	rounded bool // a number of the value just read has more decimals than its type
	joined  []byte
	// scratch holds one unescaped text a field.
	scratch [][]byte
}

func newRow(d *Dataset) *row {
	return &row{
		d:       d,
		boxes:   make([][]byte, len(d.containers)),
		inner:   make([]inner, len(d.containers)),
		values:  make([][]byte, len(d.inputs)),
		cells:   make([]cell, len(d.columns)),
		scratch: make([][]byte, len(d.columns)),
	}
}

// options of the tokenizer: names that come twice are looked for here, where the reason can name them.
var options = jsontext.AllowDuplicateNames(true)

// asList is options for each row: a list made at the call would be an allocation a row.
var asList = []jsontext.Options{options}

// split takes a row apart. It refuses a row that is no JSON object, is not UTF-8, is nested too deep, or has a name twice:
// which of the two values is meant cannot be known.
func (r *row) split(raw []byte) *refusal {
	r.begin()
	if len(raw) == 0 || raw[0] != '{' {
		if r.d.Positions && len(raw) > 0 && raw[0] == '[' {
			return r.splitList(raw)
		}
		return r.notObject(raw)
	}
	r.buffer = *bytes.NewBuffer(raw)
	r.decoder.Reset(&r.buffer, asList...)
	if _, err := r.decoder.ReadToken(); err != nil {
		return r.syntax(raw, err)
	}
	for r.decoder.PeekKind() == '"' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return r.syntax(raw, err)
		}
		value, err := r.decoder.ReadValue()
		if err != nil {
			return r.syntax(raw, err)
		}
		if ref := r.keep(name, value); ref != nil {
			return ref
		}
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return r.syntax(raw, err)
	}
	if rest := bytes.TrimLeft(raw[r.decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return &refusal{reason: "not valid JSON: more follows the object: " + quote(rest), foreign: true}
	}
	return r.sortExtra()
}

// begin forgets the row before.
func (r *row) begin() {
	clear(r.values)
	if cap(r.extra) > maxBatchRows {
		r.extra = nil
	}
	r.extra = r.extra[:0]
	if len(r.boxes) > 1 {
		clear(r.boxes)
	}
}

// keep files one member. The decoder reads from a bytes.Buffer, whose bytes it neither moves nor changes, so the value
// stays valid although the decoder goes on.
func (r *row) keep(quoted, value []byte) *refusal {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted)
	}
	if value[0] == '{' || value[0] == '[' {
		if depth := depthOf(value); depth >= maxDepth {
			return &refusal{field: string(name), reason: fmt.Sprintf("nested %d levels deep: at most %d are kept", depth+1, maxDepth)}
		}
	}
	i, known := r.d.byName[string(name)]
	if !known {
		r.extra = append(r.extra, member{name: string(name), value: value})
		return nil
	}
	if i < 0 {
		return r.open(-i, value)
	}
	if r.values[i] != nil {
		return twice(r.d.inputs[i].name)
	}
	r.values[i] = value
	return nil
}

func twice(name string) *refusal {
	return &refusal{field: name, reason: "the row has it twice, and which one is meant cannot be known"}
}

func (r *row) sortExtra() *refusal {
	if len(r.extra) < 2 {
		return nil
	}
	slices.SortFunc(r.extra, func(a, b member) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(r.extra); i++ {
		if r.extra[i].name == r.extra[i-1].name {
			return twice(r.extra[i].name)
		}
	}
	return nil
}

func (r *row) notObject(raw []byte) *refusal {
	ref := &refusal{foreign: true}
	switch {
	case len(raw) == 0:
		ref.reason = "not valid JSON: nothing where a row belongs"
	case !jsontext.Value(raw).IsValid(options):
		ref.reason = "not valid JSON: " + quote(raw)
	default:
		ref.reason = fmt.Sprintf("the row is %s, not %s", kindOf(raw), r.d.rowKind())
	}
	return ref
}

func kindOf(raw []byte) string {
	switch jsontext.Value(raw).Kind() {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "a list"
	case '{':
		return "an object"
	}
	return "no JSON"
}

// syntax explains why the tokenizer stopped. Text that is not UTF-8 is told from broken JSON, with the field it is in.
func (r *row) syntax(raw []byte, err error) *refusal {
	if field, ok := notUTF8(raw); ok {
		return &refusal{field: field, reason: "not valid UTF-8, or half of a surrogate pair"}
	}
	ref := &refusal{reason: "not valid JSON: " + err.Error(), foreign: true}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		ref.reason = fmt.Sprintf("not valid JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return ref
}

// notUTF8 reads the row again with broken text allowed. It finds a field only if the row is sound otherwise.
func notUTF8(raw []byte) (field string, found bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), options, jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return "", false
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return "", false
		}
		sound := name.IsValid()
		plain, _ := jsontext.AppendUnquote(nil, name)
		value, err := d.ReadValue()
		if err != nil {
			return "", false
		}
		if !found && (!sound || !value.IsValid(options)) {
			field, found = string(plain), true
		}
	}
	_, err := d.ReadToken()
	return strings.ToValidUTF8(field, "\uFFFD"), found && err == nil
}

// depthOf counts the levels of valid JSON, without recursion.
func depthOf(value []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '"':
			for i++; i < len(value) && value[i] != '"'; i++ {
				if value[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

// original keeps a known field's text in extra, because its column cannot hold it.
func (r *row) original(f *Field, value []byte) {
	at, _ := slices.BinarySearchFunc(r.extra, f.From, func(m member, name string) int { return strings.Compare(m.name, name) })
	r.extra = slices.Insert(r.extra, at, member{name: f.From, value: value})
}

// rest is what the row's extra keeps.
func (r *row) rest() []byte {
	if r.d.Forget {
		return nil
	}
	return r.extraJSON()
}

// extraJSON is the row's extra: one compact JSON object, names sorted, values as they came. Empty when there is nothing.
func (r *row) extraJSON() []byte {
	if len(r.extra) == 0 {
		return nil
	}
	out := append(r.joined[:0], '{')
	for i, m := range r.extra {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, m.name)
		out = append(out, ':')
		if m.value[0] != '{' && m.value[0] != '[' {
			out = append(out, m.value...)
			continue
		}
		out, _ = jsontext.AppendFormat(out, m.value, options, jsontext.PreserveRawStrings(true))
	}
	out = append(out, '}')
	if cap(out) <= maxBatchBytes {
		r.joined = out
	}
	return out
}

// plain unescapes a JSON string; scratch is reused where there is something to unescape.
func plain(scratch *[]byte, quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	out, _ := jsontext.AppendUnquote((*scratch)[:0], quoted)
	*scratch = out
	return out
}

// quoteJSON makes a JSON string of a text from outside of a payload, which, unlike a row that was split, may be no UTF-8.
func quoteJSON(text string) ([]byte, bool) {
	if !utf8.ValidString(text) {
		return nil, false
	}
	out, err := jsontext.AppendQuote(nil, text)
	return out, err == nil
}
