package silver

import (
	"bytes"
	"io"
)

const (
	// maxRowBytes of text; a longer row is refused without being held in memory.
	maxRowBytes = 8 << 20
	// wholeBytes is how much of an object is read before its decoding begins: a smaller one, as most are, is read once
	// even where its timestamp follows its data.
	wholeBytes = 1 << 20
)

// scanner finds where JSON values begin and end in a stream. It follows strings and brackets only, so that a broken or
// bottomless value leaves its neighbours whole. The row finds out whether a value is JSON.
type scanner struct {
	r   io.Reader
	buf []byte
	// pos is the next byte; what is before it may be dropped.
	pos int
	// all: buf holds everything that will come.
	all bool
	// base is the offset of buf[0] in the stream.
	base int64
}

// newScanner reads the stream's beginning: all of it when it is small.
func newScanner(r io.Reader) (s *scanner, err error) {
	s = &scanner{r: r}
	for size := 32 << 10; ; size *= 2 {
		grown := make([]byte, len(s.buf), size)
		copy(grown, s.buf)
		n, err := io.ReadFull(r, grown[len(grown):size])
		s.buf = grown[:len(grown)+n]
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			s.all = true
			return s, nil
		case err != nil:
			return nil, err
		case size >= wholeBytes:
			return s, nil
		}
	}
}

// scanBytes scans a text that is there as a whole.
func scanBytes(text []byte) *scanner { return &scanner{buf: text, all: true} }

// fork makes a second scanner from here on, for a text that is in memory as a whole.
func (s *scanner) fork() *scanner {
	c := *s
	return &c
}

// rewind goes back to an offset, if the text from there on is still in the buffer.
func (s *scanner) rewind(offset int64) bool {
	if offset < s.base {
		return false
	}
	s.pos = int(offset - s.base)
	return true
}

// firstLine returns the text up to the end of its line, if that has been read, and leaves it in place.
func (s *scanner) firstLine() (line []byte, ok bool) {
	line, _, ended := bytes.Cut(s.buf[s.pos:], []byte("\n"))
	return bytes.TrimRight(line, " \t\r"), ended || s.all
}

func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// more reads on; it keeps the buffer from `keep` and returns by how much positions moved. At the end it returns io.EOF.
func (s *scanner) more(keep int) (moved int, err error) {
	if s.all {
		return 0, io.EOF
	}
	if keep > 0 {
		n := copy(s.buf, s.buf[keep:])
		s.buf = s.buf[:n]
		s.base += int64(keep)
	}
	if len(s.buf) == cap(s.buf) {
		grown := make([]byte, len(s.buf), 2*cap(s.buf))
		copy(grown, s.buf)
		s.buf = grown
	}
	for {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if n > 0 {
			return keep, nil
		}
		if err != nil {
			s.all = err == io.EOF
			return keep, err
		}
	}
}

// peek skips white space and returns the next byte without taking it.
func (s *scanner) peek() (byte, error) {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\r', '\n':
			default:
				return c, nil
			}
		}
		moved, err := s.more(s.pos)
		s.pos -= moved
		if err != nil {
			return 0, err
		}
	}
}

// take skips white space and takes the next byte.
func (s *scanner) take() (byte, error) {
	c, err := s.peek()
	if err == nil {
		s.pos++
	}
	return c, err
}

// value takes the next value: its text up to limit bytes (valid until the next call), and its size. A longer value is
// skipped, and only the beginning of its text is returned. Nothing (size 0) stands where a comma or a closing bracket does.
func (s *scanner) value(limit int) (text []byte, size int64, err error) {
	first, err := s.peek()
	if err != nil {
		return nil, 0, err
	}
	v := extent{scalar: first != '{' && first != '[' && first != '"'}
	for p := s.begin(limit); ; {
		if end, done := v.scan(s.buf, p.at); done {
			text, size = p.end(end)
			return text, size, nil
		}
		if err := p.more(); err == io.EOF && v.scalar {
			text, size = p.end(p.at)
			return text, size, nil
		} else if err != nil {
			s.pos = p.at
			return nil, 0, err
		}
	}
}

// extent finds the end of one value, wherever the pieces of its text begin and end.
type extent struct {
	scalar   bool
	inString bool
	escaped  bool
	depth    int
}

// scan goes on at text[i] and returns where the value ends, or that it goes beyond the text.
func (v *extent) scan(text []byte, i int) (end int, done bool) {
	for ; i < len(text); i++ {
		c := text[i]
		if v.inString {
			switch {
			case v.escaped:
				v.escaped = false
			case c == '\\':
				v.escaped = true
			case c == '"':
				v.inString = false
				if v.depth == 0 && !v.scalar {
					return i + 1, true
				}
			}
			continue
		}
		switch c {
		case '"':
			v.inString = true
		case '{', '[':
			v.depth++
		case '}', ']':
			if v.depth == 0 {
				return i, true
			}
			v.depth--
			if v.depth == 0 && !v.scalar {
				return i + 1, true
			}
		case ',':
			if v.depth == 0 {
				return i, true
			}
		case ' ', '\t', '\r', '\n':
			if v.depth == 0 && v.scalar {
				return i, true
			}
		}
	}
	return i, false
}

// line takes the next line without its end: its text up to limit bytes (valid until the next call), and its size.
// A longer line is skipped, and only its beginning is returned. At the end it returns io.EOF.
func (s *scanner) line(limit int) (text []byte, size int64, err error) {
	for p := s.begin(limit); ; {
		if n := bytes.IndexByte(s.buf[p.at:], '\n'); n >= 0 {
			text, size = p.end(p.at + n)
			s.pos++
			return text, size, nil
		}
		err := p.more()
		if err == nil {
			continue
		}
		text, size = p.end(p.at)
		if err != io.EOF || size == 0 {
			return nil, 0, err
		}
		return text, size, nil
	}
}
