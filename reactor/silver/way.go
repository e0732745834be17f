package silver

import (
	"io"
	"strconv"
)

// way leads through a JSON object to its rows.
type way struct {
	*object
	s     *scanner
	found bool
	one   []byte          // a single object in the list's place, unread: the values that it needs may follow
	every map[string]bool // the lists met where every list has rows
}

// visit takes the members of the object at a level of the path to the rows.
func (w *way) visit(level int) func(name string) error {
	return func(name string) error {
		last := level == len(w.d.at)-1
		switch {
		case last && w.d.everyList():
			return w.oneOfMany(level, name)
		case name != w.d.at[level]:
			return w.member(w.s, level, name)
		case !last:
			return w.deeper(level, name)
		case w.found:
			return unreadable("it has %q twice", name)
		}
		w.found = true
		return w.data(level, name)
	}
}

// deeper enters the next object on the way.
func (w *way) deeper(level int, name string) error {
	c, err := w.s.peek()
	if err != nil {
		return err
	}
	if c != '{' {
		text, _, err := w.s.value(quoteLimit)
		if err != nil {
			return err
		}
		return unreadable("%q is %s where an object belongs; expected %s", name, quote(text), w.d.Example)
	}
	return w.members(w.s, w.visit(level+1))
}

// oneOfMany reads a list among several. What is no list is a value beside them.
func (w *way) oneOfMany(level int, name string) error {
	c, err := w.s.peek()
	if err != nil {
		return err
	}
	if c != '[' || len(w.d.envelope[level][name]) > 0 {
		w.found = w.found || c == '['
		return w.member(w.s, level, name)
	}
	if w.every[name] {
		return unreadable("it has %q twice", name)
	}
	w.found, w.every[name] = true, true
	if w.d.listName >= 0 {
		raw, ok := quoteJSON(name)
		if !ok {
			return unreadable("the name of a list is not valid UTF-8: %s", quote([]byte(name)))
		}
		w.standIn[w.d.listName] = raw
	}
	return w.data(level, name)
}

// data reads the rows at the end of the way.
func (w *way) data(level int, name string) error {
	c, err := w.s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '[':
		if !w.envelopeRead && w.awaits() {
			if err := w.lookAhead(level); err != nil {
				return err
			}
		}
		return w.list(w.s)
	case '{':
		w.one, err = w.lone(w.s, strconv.Quote(name))
		return err
	}
	text, _, err := w.s.value(quoteLimit)
	if err != nil {
		return err
	}
	return unreadable("%q is %s where a list belongs; expected %s", name, quote(text), w.d.Example)
}

// lookAhead reads the members behind the data. If the text is not in memory as a whole, it has to be opened again for
// the rows.
func (w *way) lookAhead(level int) error {
	ahead := w.s
	if w.s.all {
		ahead = w.s.fork()
	}
	err := w.skipData(ahead, level)
	w.envelopeRead = true
	switch {
	case err == io.EOF && w.s.all:
		return nil // the rows will meet the same end, and can tell where it was
	case err == nil && !w.s.all:
		return errReadAgain
	}
	return err
}

// skipData passes over the rows, and takes the values behind them, at each level up to the object itself.
func (w *way) skipData(s *scanner, level int) error {
	if _, _, err := s.value(0); err != nil {
		return err
	}
	for ; level >= 0; level-- {
		c, err := s.take()
		if err != nil || c != ',' && c != '}' {
			return err
		}
		if c == '}' {
			continue
		}
		if err := w.moreMembers(s, func(name string) error { return w.member(s, level, name) }); err != nil {
			return err
		}
	}
	return nil
}
