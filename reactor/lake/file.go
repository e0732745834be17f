package lake

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// File is a live data file of a snapshot, with the files that delete rows of it. Only other engines write such deletes.
type File struct {
	task   table.FileScanTask
	months *Months // nil where nothing tells
	slot   Slot    // unit "" where the file is not of one piece of time
}

// Months are those that the file's rows are of, or more. ok is false if neither its partition nor its bounds tell.
func (f File) Months() (months Months, ok bool) {
	if f.months == nil {
		return AllMonths, false
	}
	return *f.months, true
}

// Slot is the piece of time that the file is of, by its partition. ok is false if it is partitioned by something else.
func (f File) Slot() (slot Slot, ok bool) { return f.slot, f.slot.unit != "" }

// Partition names the partition that the file is in, its spec included.
func (f File) Partition() string { return fmt.Sprint(f.task.File.SpecID(), f.task.File.Partition()) }

// OfSpec tells whether a table's new files are divided as this one.
func (f File) OfSpec(t *Table) bool {
	return int(f.task.File.SpecID()) == t.Meta.DefaultPartitionSpec()
}

// newFile makes a File of what was planned, for a table whose spec divides time as it says.
func newFile(task table.FileScanTask, d division) File {
	f := File{task: task}
	if slot, ok := d.slot(task.File); ok {
		months := slot.unit.months(slot.Number)
		f.slot, f.months = slot, &months
		return f
	}
	f.months = d.months(f)
	return f
}

// Path is where the file lies.
func (f File) Path() string { return f.task.File.FilePath() }

// Rows is the number of rows in the file, deleted ones included.
func (f File) Rows() int64 { return f.task.File.Count() }

// Bytes is the size of the file.
func (f File) Bytes() int64 { return f.task.File.FileSizeBytes() }

// Deletes tells whether rows of the file are deleted by other files.
func (f File) Deletes() bool { return len(f.deletes()) > 0 }

// deletes are the files that delete rows of the file.
func (f File) deletes() []iceberg.DataFile {
	return slices.Concat(f.task.DeleteFiles, f.task.EqualityDeleteFiles, f.task.DeletionVectorFiles)
}

// ID names the rows of the file: the file never changes, but other engines may add deletes to it.
func (f File) ID() string {
	id := f.Path()
	for _, d := range f.deletes() {
		id += "|" + d.FilePath()
	}
	return id
}

// Ints returns the bounds of a column of times (µs), days or integers. ok is false if the file does not tell.
func (f File) Ints(field iceberg.NestedField) (lo, hi int64, ok bool) {
	l, h, ok := f.bounds(field)
	if !ok {
		return 0, 0, false
	}
	lo, okLo := intOf(l)
	hi, okHi := intOf(h)
	return lo, hi, okLo && okHi
}

// Strings returns the bounds of a column of texts. They may be wider than the texts, never narrower.
func (f File) Strings(field iceberg.NestedField) (lo, hi string, ok bool) {
	l, h, ok := f.bounds(field)
	if !ok {
		return "", "", false
	}
	ls, okLo := l.(iceberg.StringLiteral)
	hs, okHi := h.(iceberg.StringLiteral)
	return string(ls), string(hs), okLo && okHi
}

func (f File) bounds(field iceberg.NestedField) (lo, hi iceberg.Literal, ok bool) {
	l, okLo := f.task.File.LowerBoundValues()[field.ID]
	h, okHi := f.task.File.UpperBoundValues()[field.ID]
	if !okLo || !okHi {
		return nil, nil, false
	}
	lo, errLo := iceberg.LiteralFromBytes(field.Type, l)
	hi, errHi := iceberg.LiteralFromBytes(field.Type, h)
	return lo, hi, errLo == nil && errHi == nil
}

func intOf(l iceberg.Literal) (int64, bool) {
	switch v := l.(type) {
	case iceberg.TimestampLiteral:
		return int64(v), true
	case iceberg.DateLiteral:
		return int64(v), true
	case iceberg.Int64Literal:
		return int64(v), true
	case iceberg.Int32Literal:
		return int64(v), true
	}
	return 0, false
}

// Months is a range of months since 1970-01, both ends included.
type Months struct{ Lo, Hi int }

// AllMonths is every month there can be.
var AllMonths = Months{math.MinInt, math.MaxInt}

// Meet tells whether two ranges have a month in common.
func (m Months) Meet(other Months) bool { return m.Lo <= other.Hi && m.Hi >= other.Lo }

// SQL is DuckDB's condition for the rows of the months, by a column of times or days: a range, which DuckDB finds by its own bounds
// without looking at every row. Dates and timestamps in UTC both read the first day of a month so.
func (m Months) SQL(column string) string {
	if m == AllMonths {
		return "true"
	}
	first := func(month int) string {
		return time.Date(1970, time.Month(month+1), 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	return fmt.Sprintf("%[1]s >= '%[2]s' and %[1]s < '%[3]s'", column, first(m.Lo), first(m.Hi+1))
}

// Column finds a column of a table's current schema.
func (t *Table) Column(name string) (iceberg.NestedField, bool) {
	return t.Meta.CurrentSchema().FindFieldByNameCaseInsensitive(strings.ToLower(name))
}
