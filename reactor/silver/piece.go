package silver

import "bytes"

// piece is a text that is being taken from a scanner. It bounds memory: of a text longer than limit bytes it keeps the
// beginning only.
type piece struct {
	s     *scanner
	limit int
	// start and at are offsets in the scanner's buffer: where the text begins, and where the search for its end goes on.
	// Once the beginning is kept in head, start means nothing.
	start, at int
	from      int64 // offset of the text in the stream
	head      []byte
}

// begin begins a piece at the scanner's next byte.
func (s *scanner) begin(limit int) piece {
	return piece{s: s, limit: limit, start: s.pos, at: s.pos, from: s.offset()}
}

// more reads on when the whole buffer was searched. At the end of the stream it returns io.EOF.
func (p *piece) more() error {
	p.at = len(p.s.buf)
	if p.head == nil && p.at-p.start > p.limit {
		p.head = bytes.Clone(p.s.buf[p.start:min(p.at, p.start+rawLimit)])
	}
	keep := p.start
	if p.head != nil {
		keep = p.at
	}
	moved, err := p.s.more(keep)
	p.start, p.at = p.start-moved, p.at-moved
	return err
}

// end ends the text before an offset in the buffer, moves the scanner there, and returns the text and its size.
func (p *piece) end(at int) (text []byte, size int64) {
	p.s.pos = at
	size = p.s.base + int64(at) - p.from
	if p.head != nil {
		return p.head, size
	}
	return p.s.buf[p.start:at], size
}
