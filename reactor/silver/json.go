package silver

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// dataMember is the member of an envelope that holds its rows.
const dataMember = "data"

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
		err = o.envelope(s)
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

// envelope reads {"timestamp": …, "data": …} in either order. Other members are passed over.
func (o *object) envelope(s *scanner) error {
	head := string(s.buf[s.pos:min(len(s.buf), s.pos+2*quoteLimit)])
	var lone []byte
	found := false
	visit := func(name string) error {
		if name != dataMember {
			return o.member(s, name)
		}
		if found {
			return unreadable("it has %q twice", dataMember)
		}
		found = true
		var err error
		lone, err = o.data(s)
		return err
	}
	if err := o.members(s, visit); err != nil {
		return err
	}
	switch {
	case !found:
		o.noData = true
		reason := fmt.Sprintf("it has no %q: %s; expected %s", dataMember, quote([]byte(head)), o.d.Example)
		if next, err := s.peek(); err == nil && next == '{' {
			reason += "; another object follows: one JSON object a line must be named .ndjson"
		}
		return unreadable("%s", reason)
	case lone != nil:
		return o.add(lone)
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
func (o *object) member(s *scanner, name string) error {
	value, size, err := s.value(maxEnvelopeValue)
	if err != nil {
		return err
	}
	i, known := o.d.byName[name]
	if !known || i >= len(o.d.columns) || !o.d.columns[i].Envelope || o.d.columns[i].From != name || o.envelopeRead {
		return nil
	}
	switch {
	case size > maxEnvelopeValue || !jsontext.Value(value).IsValid():
		return unreadable("%s of its envelope is not valid JSON: %s", name, quote(value))
	case o.standIn[i] != nil:
		return unreadable("its envelope has %q twice", name)
	case !isNull(value):
		o.standIn[i] = bytes.Clone(value)
	}
	return nil
}

// forgetEnvelope drops the members of what was no envelope: a row's timestamp is its own.
func (o *object) forgetEnvelope() {
	for i := range o.d.columns {
		if f := &o.d.columns[i]; f.Envelope && f.Metadata == "" {
			o.standIn[i] = nil
		}
	}
}

// data reads the envelope's rows. It returns a single object unread, because the timestamp that it needs may follow.
func (o *object) data(s *scanner) (lone []byte, err error) {
	c, err := s.peek()
	if err != nil {
		return nil, err
	}
	switch c {
	case '[':
		if !o.envelopeRead && o.awaits() {
			if err := o.lookAhead(s); err != nil {
				return nil, err
			}
		}
		return nil, o.list(s)
	case '{':
		return o.lone(s)
	}
	text, _, err := s.value(quoteLimit)
	if err != nil {
		return nil, err
	}
	return nil, unreadable("%q is %s where a list belongs; expected %s", dataMember, quote(text), o.d.Example)
}

func (o *object) lone(s *scanner) ([]byte, error) {
	text, size, err := s.value(maxRowBytes)
	switch {
	case err != nil:
		return nil, err
	case size > maxRowBytes:
		return nil, unreadable("%q is one object of %d bytes where a list belongs; expected %s", dataMember, size, o.d.Example)
	}
	if o.d.Lone != "" {
		if ref := o.row.split(text); ref == nil && !isNull(o.row.values[o.d.byName[o.d.Lone]]) {
			return bytes.Clone(text), nil
		}
	}
	return nil, unreadable("%q is an object where a list belongs: %s; expected %s", dataMember, quote(text), o.d.Example)
}

// awaits says whether rows may need a value of the envelope that has not come yet.
func (o *object) awaits() bool {
	for i := range o.d.columns {
		if o.d.columns[i].Envelope && o.standIn[i] == nil {
			return true
		}
	}
	return false
}

// lookAhead reads the members behind the data. If the text is not in memory as a whole, it has to be opened again for
// the rows.
func (o *object) lookAhead(s *scanner) error {
	ahead := s
	if s.all {
		ahead = s.fork()
	}
	err := o.skipData(ahead)
	o.envelopeRead = true
	switch {
	case err == io.EOF && s.all:
		return nil // the rows will meet the same end, and can tell where it was
	case err == nil && !s.all:
		return errReadAgain
	}
	return err
}

func (o *object) skipData(s *scanner) error {
	if _, _, err := s.value(0); err != nil {
		return err
	}
	if c, err := s.take(); err != nil || c != ',' {
		return err
	}
	return o.moreMembers(s, func(name string) error { return o.member(s, name) })
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
