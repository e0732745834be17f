package silver

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// maxNameBytes and maxEnvelopeValue bound what is kept of an envelope besides its data.
const (
	maxNameBytes     = 64 << 10
	maxEnvelopeValue = 4 << 10
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// errReadAgain asks for a second pass: the rows need a value that follows them, and this pass has found it.
var errReadAgain = errors.New("read the object again")

// json reads one JSON value: an envelope, or a list without one.
func (o *object) json(packed bool) error {
	err := o.text(packed, o.jsonPass)
	if errors.Is(err, errReadAgain) {
		err = o.text(packed, o.jsonPass)
	}
	return err
}

// text opens the payload and has its text read.
func (o *object) text(packed bool, read func(*scanner) error) error {
	c, err := openContent(o.ctx, o.payload, packed, o.src.Limits)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	s, err := newScanner(c)
	if err != nil {
		return err
	}
	if err := o.begin(s); err != nil {
		return err
	}
	return read(s)
}

func (o *object) jsonPass(s *scanner) error {
	if err := inUTF8(s.buf[s.pos:]); err != nil {
		return err
	}
	first, err := s.peek()
	switch {
	case err == io.EOF:
		return unreadable("it is empty: expected %s", o.d.Example)
	case err != nil:
		return err
	case first == '{':
		start := s.offset()
		if err = o.object(s); err == nil {
			break
		}
		if o.noData && s.rewind(start) && o.areLines(s) {
			o.forgetEnvelope()
			return o.lines(s)
		}
	case first == '[':
		err = o.list(s)
	default:
		return unreadable("it is not JSON, it begins with %s; expected %s", quote(s.buf[s.pos:]), o.d.Example)
	}
	if err != nil {
		return o.cut(s, err)
	}
	return o.end(s)
}

// begin skips a byte order mark and recognises what other formats begin with.
func (o *object) begin(s *scanner) error {
	s.pos += len(s.buf) - len(bytes.TrimPrefix(s.buf, byteOrderMark))
	switch head := s.buf[s.pos:]; {
	case bytes.HasPrefix(head, gzipMagic):
		return unreadable("it is gzip but its name does not end in .gz; add that")
	case bytes.HasPrefix(head, []byte(parquetMagic)):
		return unreadable("it is Parquet; name it .parquet")
	}
	return nil
}

// cut reports where a truncated text ends.
func (o *object) cut(s *scanner, err error) error {
	if err != io.EOF {
		return err
	}
	return unreadable("it ends after %d bytes, %d rows, in the middle of its JSON: it is truncated", s.offset(), o.next)
}

func (o *object) end(s *scanner) error {
	_, err := s.peek()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	return unreadable("more follows its JSON value at byte %d: %s; several values, one a line, must be named .ndjson",
		s.offset(), quote(s.buf[s.pos:]))
}

// object reads a JSON object that is a whole payload: what surrounds the rows, or one row.
func (o *object) object(s *scanner) error {
	if len(o.d.at) > 0 {
		return o.envelope(s)
	}
	text, err := o.lone(s, "it")
	if err != nil {
		return err
	}
	if next, err := s.peek(); err == nil && next == '{' {
		o.noData = true
		return unreadable("another object follows its first one: one JSON object a line must be named .ndjson")
	}
	return o.add(text)
}

// envelope reads what surrounds the rows, such as {"timestamp": …, "data": …}, in any order. Other members are passed over.
func (o *object) envelope(s *scanner) error {
	head := string(s.buf[s.pos:min(len(s.buf), s.pos+2*quoteLimit)])
	w := &way{object: o, s: s, every: map[string]bool{}}
	if err := o.members(s, w.visit(0)); err != nil {
		return err
	}
	switch {
	case !w.found:
		o.noData = true
		reason := fmt.Sprintf("it has no %q: %s; expected %s", o.d.At, quote([]byte(head)), o.d.Example)
		if next, err := s.peek(); err == nil && next == '{' {
			reason += "; another object follows: one JSON object a line must be named .ndjson"
		}
		return unreadable("%s", reason)
	case w.one != nil:
		return o.add(w.one)
	}
	return nil
}

// members walks through an object's members; visit takes the value.
func (o *object) members(s *scanner, visit func(name string) error) error {
	if _, err := s.take(); err != nil {
		return err
	}
	if c, err := s.peek(); err != nil || c == '}' {
		s.pos++
		return err
	}
	return o.moreMembers(s, visit)
}

// moreMembers reads the members from the next name on.
func (o *object) moreMembers(s *scanner, visit func(name string) error) error {
	for {
		quoted, size, err := s.value(maxNameBytes)
		if err != nil {
			return err
		}
		if size > maxNameBytes || !jsontext.Value(quoted).IsValid() || quoted[0] != '"' {
			return o.broken(s, "a name", quoted)
		}
		name, _ := jsontext.AppendUnquote(nil, quoted)
		if c, err := s.take(); err != nil {
			return err
		} else if c != ':' {
			return o.broken(s, "a colon", s.buf[s.pos-1:])
		}
		if err := visit(string(name)); err != nil {
			return err
		}
		switch c, err := s.take(); {
		case err != nil:
			return err
		case c == '}':
			return nil
		case c != ',':
			return o.broken(s, "a comma or the end of the object", s.buf[s.pos-1:])
		}
	}
}

func (o *object) broken(s *scanner, expected string, text []byte) error {
	return unreadable("it is not valid JSON: %s is where %s belongs, before byte %d", quote(text), expected, s.offset())
}

// member reads a value beside the data. It keeps those that rows without one of their own take.
func (o *object) member(s *scanner, level int, name string) error {
	value, size, err := s.value(maxEnvelopeValue)
	if err != nil {
		return err
	}
	wanted := o.d.envelope[level][name]
	if len(wanted) == 0 || o.envelopeRead {
		return nil
	}
	if size > maxEnvelopeValue || !jsontext.Value(value).IsValid() {
		return unreadable("%s of its envelope is not valid JSON: %s", name, quote(value))
	}
	for _, w := range wanted {
		found := find(value, w.steps)
		switch {
		case o.around[w.column]:
			return unreadable("its envelope has %q twice", name)
		case !isNull(found) && (o.standIn[w.column] == nil || o.d.columns[w.column].Metadata == ""):
			o.standIn[w.column], o.around[w.column] = bytes.Clone(found), true
		}
	}
	return nil
}

// forgetEnvelope drops the members of what was no envelope: a row's timestamp is its own.
func (o *object) forgetEnvelope() {
	for i := range o.d.columns {
		if f := &o.d.columns[i]; f.Envelope != "" && f.Metadata == "" {
			o.standIn[i], o.around[i] = nil, false
		}
	}
}

// lone reads one object where a list belongs. It is a row if it has what tells one.
func (o *object) lone(s *scanner, what string) ([]byte, error) {
	text, size, err := s.value(maxRowBytes)
	switch {
	case err != nil:
		return nil, err
	case size > maxRowBytes:
		return nil, unreadable("%s is one object of %d bytes where a list belongs; expected %s", what, size, o.d.Example)
	}
	if o.d.lone >= 0 {
		if ref := o.row.split(text); ref == nil && !isNull(o.row.values[o.d.lone]) {
			return bytes.Clone(text), nil
		}
	}
	return nil, unreadable("%s is an object where a list belongs: %s; expected %s", what, quote(text), o.d.Example)
}

// awaits says whether rows may need a value of the envelope that has not come yet.
func (o *object) awaits() bool {
	for i := range o.d.columns {
		if o.d.columns[i].Envelope != "" && o.standIn[i] == nil {
			return true
		}
	}
	return false
}

// list reads the rows of a list.
func (o *object) list(s *scanner) error {
	if _, err := s.take(); err != nil {
		return err
	}
	if c, err := s.peek(); err != nil || c == ']' {
		s.pos++
		return err
	}
	for {
		text, size, err := s.value(maxRowBytes)
		if err != nil {
			return err
		}
		if size > maxRowBytes {
			err = o.refuse(tooLarge(size), text, size)
		} else {
			err = o.add(text)
		}
		if err != nil {
			return err
		}
		switch c, err := s.take(); {
		case err != nil:
			return err
		case c == ']':
			return nil
		case c != ',':
			return o.broken(s, fmt.Sprintf("a comma or the end of the list, after row %d,", o.next-1), s.buf[s.pos-1:])
		}
	}
}

func tooLarge(size int64) *refusal {
	return &refusal{reason: fmt.Sprintf("the row is larger than %d MiB: %d bytes", maxRowBytes>>20, size)}
}
