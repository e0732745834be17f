package silver

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// ndjson reads a row or an envelope a line. A line that is neither is a refused row. If no line is a JSON object, the
// whole object is unreadable.
func (o *object) ndjson(packed bool) error { return o.text(packed, o.lines) }

// lines reads the rest of the text, a row or an envelope a line.
func (o *object) lines(s *scanner) error {
	var first []byte
	sound := false
	for {
		line, size, err := s.line(maxRowBytes)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if first == nil {
			first = bytes.Clone(line[:min(len(line), 2*quoteLimit)])
		}
		ok, err := o.line(line, size)
		if err != nil {
			return err
		}
		sound = sound || ok
	}
	switch {
	case first == nil:
		return unreadable("it is empty: expected one JSON object a line")
	case !sound:
		if err := inUTF8(first); err != nil {
			return err
		}
		return unreadable("no line of it is a JSON object, it begins with %s; expected one JSON object a line (a single JSON value over several lines must be named .json)", quote(first))
	}
	return nil
}

// areLines says whether a text that is named as one JSON value is a row a line, as Spark and pandas write it: its first line
// is an object with all that a row needs, and not an envelope.
func (o *object) areLines(s *scanner) bool {
	line, ok := s.firstLine()
	if !ok || o.row.split(line) != nil || o.hasData() {
		return false
	}
	for i := range o.d.columns {
		if f := &o.d.columns[i]; f.Required && !o.d.outside[i] && f.Default == "" && isNull(o.row.values[i]) && !o.alsoThere(i) {
			return false
		}
	}
	return true
}

// hasData says whether the object just split has the member that makes it an envelope.
func (o *object) hasData() bool { return slices.ContainsFunc(o.row.extra, o.leadsToRows) }

// leadsToRows says whether a member is where the way to the rows begins.
func (o *object) leadsToRows(m member) bool {
	if len(o.d.at) == 0 {
		return false
	}
	return m.name == o.d.at[0] || o.d.at[0] == anyName && m.value[0] == '['
}

// line reads one line; ok says that it is a JSON object, whatever becomes of it.
func (o *object) line(line []byte, size int64) (ok bool, err error) {
	if size > maxRowBytes {
		return line[0] == '{', o.refuse(tooLarge(size), line, size)
	}
	ref := o.row.split(line)
	if ref == nil {
		if o.isEnvelope() {
			return true, o.envelopeLine(line)
		}
		ref = o.convert()
	}
	if ref != nil {
		return !ref.foreign, o.refuse(ref, line, int64(len(line)))
	}
	if err := o.count(); err != nil {
		return true, err
	}
	return true, o.out.add(o.next-1, o.row.cells, o.row.rest())
}

// isEnvelope says whether the line just split is an envelope: its data is a list or an object, and no field of a row is there.
func (o *object) isEnvelope() bool {
	for i, in := range o.d.inputs {
		if o.row.values[i] != nil && in.field.Envelope == "" {
			return false
		}
	}
	return slices.ContainsFunc(o.row.extra, func(m member) bool {
		return o.leadsToRows(m) && (m.value[0] == '[' || m.value[0] == '{')
	})
}

// envelopeLine reads the rows of an envelope on one line. What its own timestamp says holds for this line only. A line
// with an error body is a refused row.
func (o *object) envelopeLine(line []byte) error {
	outer := slices.Clone(o.standIn)
	o.envelopeRead = false
	err := o.envelope(scanBytes(line))
	copy(o.standIn, outer)
	clear(o.around)
	var u *Unreadable
	if errors.As(err, &u) {
		return o.refuse(&refusal{reason: u.Reason}, line, int64(len(line)))
	}
	return err
}
