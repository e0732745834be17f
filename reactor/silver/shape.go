package silver

import (
	"bytes"
	"slices"
	"strings"
)

const (
	// maxUnknown is how many names of unknown fields are kept of one object, and unknownBytes how much of each.
	maxUnknown, unknownBytes = 64, 128
)

// Shape is what the rows of one object looked like: which fields they had and lacked. Whoever compares it with those of earlier
// objects notices that a source has renamed a field: its column is null then, and no row is refused.
type Shape struct {
	// Kind tells objects of a dataset apart whose rows may differ: the value from outside of the rows that one of a list of values
	// (the interval of a history), "" for none.
	Kind string
	// Rows and Refused count all rows; Read counts those whose fields could be read at all.
	Rows, Refused, Read int64
	// Absent counts, by column, the rows that do not have its field; Nulls those that have no value for it.
	Absent, Nulls []int64
	// Unknown are names of fields that no column knows, sorted; the first ones only where there are very many.
	Unknown []string
}

// Observer is a sink that is told of the shape of an object when all of its rows have been read.
type Observer interface {
	Sink
	Seen(Shape)
}

func newShape(d *Dataset) Shape {
	counts := make([]int64, 2*len(d.columns))
	return Shape{Absent: counts[:len(d.columns)], Nulls: counts[len(d.columns):]}
}

// lacks counts that a row has no value for column i; absent, that it does not have the field either.
func (s *Shape) lacks(i int, absent bool) {
	s.Nulls[i]++
	if absent {
		s.Absent[i]++
	}
}

// knowsNot notes the names of fields that no column knows; they come sorted. Most objects have the same ones in each row.
func (s *Shape) knowsNot(extra []member) {
	for i, m := range extra[:min(len(extra), maxUnknown)] {
		name := m.name
		if len(name) > unknownBytes {
			name = strings.ToValidUTF8(name[:unknownBytes], "")
		}
		if i < len(s.Unknown) && s.Unknown[i] == name {
			continue
		}
		at, there := slices.BinarySearch(s.Unknown, name)
		if !there && len(s.Unknown) < maxUnknown {
			s.Unknown = slices.Insert(s.Unknown, at, strings.Clone(name))
		}
	}
}

// seen tells the sink of the object's shape.
func (o *object) seen(sink Sink) {
	observer, ok := sink.(Observer)
	if !ok {
		return
	}
	o.shape.Rows = o.next
	for i := range o.d.columns {
		if o.inFile[i] {
			o.shape.Absent[i] = 0 // a row of a Parquet file has nulls where its JSON object has nothing
		}
		if f := &o.d.columns[i]; f.Metadata != "" && len(f.Allowed) > 0 && o.standIn[i] != nil {
			o.shape.Kind = string(bytes.Trim(o.standIn[i], `"`))
		}
	}
	observer.Seen(o.shape)
}

// columnOf is the column that input number n fills.
func (d *Dataset) columnOf(n int) int {
	if n < len(d.columns) {
		return n
	}
	return slices.IndexFunc(d.inputs[:len(d.columns)], func(in input) bool { return in.also == n })
}

// Names are those by which the rows of the dataset call each column: what the API calls it, the column's own, and that of its
// second form.
func (d *Dataset) Names() [][]string {
	all := make([][]string, len(d.columns))
	for i, f := range d.columns {
		all[i] = []string{f.From}
		for _, other := range append([]string{f.Column, f.Also}, f.Names...) {
			if other != "" && !slices.Contains(all[i], other) {
				all[i] = append(all[i], other)
			}
		}
	}
	return all
}

// KindColumn is the column whose value is a shape's kind, -1 for none.
func (d *Dataset) KindColumn() int {
	return slices.IndexFunc(d.columns, func(f Field) bool { return f.Metadata != "" && len(f.Allowed) > 0 })
}

// Columns are the names of the columns that objects bring, in the order of a shape's counts.
func (d *Dataset) Columns() []string {
	names := make([]string, len(d.columns))
	for i, f := range d.columns {
		names[i] = f.Column
	}
	return names
}

// ShapeOf is the shape of an object as rows of it in a table tell: how many there are, how many have a value in each column, and one
// extra. A field that was null in the object counts as absent.
func (d *Dataset) ShapeOf(kind string, rows int64, values []int64, extra string) Shape {
	s := Shape{Kind: kind, Rows: rows, Read: rows}
	for _, n := range values {
		s.Absent, s.Nulls = append(s.Absent, rows-n), append(s.Nulls, rows-n)
	}
	r := newRow(d) // extra also has the originals of fields that columns know
	if extra != "" && r.split([]byte(extra)) == nil {
		s.knowsNot(r.extra)
	}
	return s
}
