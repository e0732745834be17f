package infer

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// pair is a member of an object, or an element of a list with its position as name.
type pair struct {
	name  string
	value jsontext.Value
}

// pairs of an object or a list. They are few or many, as the value has them.
func pairs(v jsontext.Value) []pair {
	d := jsontext.NewDecoder(newReader(v), jsontext.AllowDuplicateNames(true))
	open, err := d.ReadToken()
	if err != nil || open.Kind() != '{' && open.Kind() != '[' {
		return nil
	}
	var all []pair
	for d.PeekKind() != '}' && d.PeekKind() != ']' {
		p := pair{name: strconv.Itoa(len(all))}
		if open.Kind() == '{' {
			t, err := d.ReadToken()
			if err != nil {
				return all
			}
			p.name = t.String()
		}
		value, err := d.ReadValue()
		if err != nil {
			return all
		}
		p.value = value.Clone()
		all = append(all, p)
	}
	return all
}

// candidate is a list that may hold the rows.
type candidate struct {
	path []string
	rows int
	list bool // its elements are lists
}

// findRows looks at the first value of each sample: the rows are the longest list of objects or lists in it.
func (p *proposal) findRows(samples []Sample) error {
	if len(samples) == 0 {
		return fmt.Errorf("infer %s: there is no sample", p.name)
	}
	first := samples[0].Values[0]
	if samples[0].Lines {
		if p.list = first.Kind() == '['; !p.list && first.Kind() != '{' {
			return fmt.Errorf("infer %s: a line of %s is neither an object nor a list", p.name, samples[0].Name)
		}
		return nil
	}
	switch first.Kind() {
	case '[':
		return p.plainList(samples[0].Name, pairs(first))
	case '{':
	default:
		return fmt.Errorf("infer %s: %s is neither a JSON object nor a list", p.name, samples[0].Name)
	}
	var found []candidate
	search(first, nil, &found)
	best := candidate{}
	for _, c := range found {
		if c.rows > best.rows {
			best = c
		}
	}
	switch {
	case best.path == nil:
		p.note("No list was found in %s, so an object is one row.", samples[0].Name)
	case best.rows < fewRows && singles(first, 0) >= manySingles:
		p.note("%s has many values beside its longest list, %s: so an object is one row, and lists are values. Write rows: {at: %s} if these are the rows.", samples[0].Name, path(best.path), path(best.path))
		best.path = nil
	}
	if at, ok := keyed(first, nil); ok {
		p.note("The members of %s look like rows under names of their own. Rows are taken from lists alone: such an answer has to be asked for, or turned, into a list.", cmp.Or(path(at), "the object"))
	}
	if at, ok := columns(first, nil); ok {
		p.note("The lists of %s look like the columns of a table, one value a row in each. Rows are taken from a list of objects or of lists: such an answer has to be asked for, or turned, into one.", cmp.Or(path(at), "the object"))
	}
	if p.one = best.path == nil; p.one {
		return nil
	}
	p.at, p.list = best.path, best.list
	p.everyList(first, found, best)
	return nil
}

// plainList looks at a payload that is a list: its elements are the rows.
func (p *proposal) plainList(name string, elements []pair) error {
	for _, e := range elements {
		switch kind := e.value.Kind(); {
		case kind != '{' && kind != '[':
			return fmt.Errorf("infer %s: the list of %s holds single values, such as %s: a row is an object or a list", p.name, name, shortened(e.value))
		case kind == '[':
			p.list = true
		case p.list:
			return fmt.Errorf("infer %s: the list of %s holds lists and objects: the rows of a dataset are of one form", p.name, name)
		}
	}
	return nil
}

// shortened is the beginning of a value, for an error.
func shortened(v jsontext.Value) string {
	const most = 60
	if len(v) > most {
		return string(bytes.ToValidUTF8(v[:most], nil)) + "…"
	}
	return string(v)
}

// manySingles beside a short list tell of one thing with a list in it, and not of a list with something around it.
const manySingles = 20

// singles counts the single values of an object, and of the objects in it.
func singles(v jsontext.Value, depth int) (n int) {
	for _, m := range pairs(v) {
		switch {
		case m.value.Kind() == '{' && depth < 3:
			n += singles(m.value, depth+1)
		case m.value.Kind() != '[' && m.value.Kind() != '{':
			n++
		}
	}
	return n
}

// keyed finds an object whose members are three objects or more with the same names.
func keyed(v jsontext.Value, at []string) ([]string, bool) {
	members := pairs(v)
	var first string
	same := len(members) >= 3
	for i, m := range members {
		if m.value.Kind() != '{' {
			same = false
			continue
		}
		below := append(append([]string(nil), at...), m.name)
		if len(below) < 3 {
			if found, ok := keyed(m.value, below); ok {
				return found, true
			}
		}
		var names []string
		for _, inner := range pairs(m.value) {
			names = append(names, inner.name)
		}
		all := strings.Join(names, "\x00")
		if i == 0 {
			first = all
		}
		same = same && all == first
	}
	return at, same
}

// columns finds an object with two lists or more of as many single values each: a table by its columns.
func columns(v jsontext.Value, at []string) ([]string, bool) {
	like := map[int]int{}
	for _, m := range pairs(v) {
		below := append(append([]string(nil), at...), m.name)
		if m.value.Kind() == '{' && len(below) < 3 {
			if found, ok := columns(m.value, below); ok {
				return found, true
			}
		}
		if elements := pairs(m.value); m.value.Kind() == '[' && len(elements) > 1 && elements[0].value.Kind() != '{' && elements[0].value.Kind() != '[' {
			if like[len(elements)]++; like[len(elements)] > 1 {
				return at, true
			}
		}
	}
	return nil, false
}

// search lists the lists of objects or lists, down to three levels.
func search(v jsontext.Value, path []string, found *[]candidate) {
	for _, m := range pairs(v) {
		below := append(append([]string(nil), path...), m.name)
		switch m.value.Kind() {
		case '{':
			if len(below) < 3 {
				search(m.value, below, found)
			}
		case '[':
			elements := pairs(m.value)
			if len(elements) > 0 && (elements[0].value.Kind() == '{' || elements[0].value.Kind() == '[') {
				*found = append(*found, candidate{path: below, rows: len(elements), list: elements[0].value.Kind() == '['})
			}
		}
	}
}

// everyList makes the last name a * where all lists beside the best one look like it: prices, market_caps and volumes of a
// chart, or a list named for each pair.
func (p *proposal) everyList(first jsontext.Value, found []candidate, best candidate) {
	depth := len(best.path) - 1
	like := 0
	for _, c := range found {
		if len(c.path) != len(best.path) || strings.Join(c.path[:depth], "\x00") != strings.Join(best.path[:depth], "\x00") {
			continue
		}
		if c.list != best.list || !best.list {
			return
		}
		like++
	}
	name := best.path[depth]
	if like > 1 || best.list && strings.ToUpper(name) == name {
		p.at = append(append([]string(nil), best.path[:depth]...), "*")
		p.star = true
		p.note("Every list at %s is one of rows, and its name is the column list_name. If one list alone is meant, write its name in the place of *.", path(p.at))
	}
}

// read takes the rows of a sample.
func (p *proposal) read(s Sample) {
	if s.Misnamed {
		p.note("%s has one row a line: objects like it must be named .ndjson, or they are dead letters.", s.Name)
	}
	for _, v := range s.Values {
		p.objects++
		switch {
		case s.Lines || p.one && len(p.at) == 0:
			p.row(v, "")
		case v.Kind() == '[':
			p.rowsOf(v, "")
		default:
			p.follow(v, 0)
		}
	}
}

func (p *proposal) rowsOf(v jsontext.Value, listName string) {
	for _, e := range pairs(v) {
		p.row(e.value, listName)
	}
}

// follow goes down the path to the rows, and notes the values beside it.
func (p *proposal) follow(v jsontext.Value, level int) {
	last := level == len(p.at)-1
	for _, m := range pairs(v) {
		on := m.name == p.at[level] || last && p.star && m.value.Kind() == '['
		switch {
		case on && last && m.value.Kind() == '[':
			p.rowsOf(m.value, m.name)
		case on && !last:
			p.follow(m.value, level+1)
		case !on:
			p.beside(append(append([]string(nil), p.at[:level]...), m.name), m.value, 0)
		}
	}
}

// beside notes single values around the rows, which may be their time.
func (p *proposal) beside(at []string, v jsontext.Value, depth int) {
	if v.Kind() == '{' && depth < 2 {
		for _, m := range pairs(v) {
			p.beside(append(append([]string(nil), at...), m.name), m.value, depth+1)
		}
		return
	}
	l := find(&p.around, path(at))
	l.add(v)
}

// path writes names as a definition has them.
func path(names []string) string {
	var b strings.Builder
	for _, n := range names {
		switch {
		case n == "" || strings.ContainsAny(n, ".[]\""):
			b.WriteString("[" + strconv.Quote(n) + "]")
		case b.Len() > 0:
			b.WriteString("." + n)
		default:
			b.WriteString(n)
		}
	}
	return b.String()
}

// row takes the values of one row.
func (p *proposal) row(v jsontext.Value, listName string) {
	if p.rows >= maxRows || v.Kind() != '{' && v.Kind() != '[' {
		return
	}
	p.rows++
	if p.star {
		name, _ := jsontext.AppendQuote(nil, listName)
		p.take("", "list_name", name)
	}
	if v.Kind() == '[' {
		for i, e := range pairs(v) {
			p.take("["+strconv.Itoa(i)+"]", "value_"+strconv.Itoa(i), e.value)
		}
		return
	}
	p.object(nil, v, 0)
}

// object takes the members of a row, and of the objects in it.
func (p *proposal) object(at []string, v jsontext.Value, depth int) {
	for _, m := range pairs(v) {
		below := append(append([]string(nil), at...), m.name)
		if m.value.Kind() == '{' && depth < 3 && !p.opaque(path(below)) {
			p.object(below, m.value, depth+1)
			continue
		}
		p.take(path(below), word(strings.Join(below, "_")), m.value)
	}
}

// opaque tells whether a path had a value of its own before: then its objects are values, too.
func (p *proposal) opaque(path string) bool {
	_, known := p.byPath[path]
	return known
}

func (p *proposal) take(path, column string, v jsontext.Value) {
	if p.byPath == nil {
		p.byPath = map[string]*leaf{}
	}
	id := path
	if path == "" {
		id = "\x00" + column
	}
	l := p.byPath[id]
	if l == nil {
		if len(p.leaves) == maxLeaves {
			p.dropped++
			return
		}
		l = &leaf{path: path, column: column}
		p.byPath[id] = l
		p.leaves = append(p.leaves, l)
	}
	l.add(v)
	if k := v.Kind(); k == '"' || k == '0' {
		p.members = append(p.members, member{p.rows, l, string(v)})
	}
}
