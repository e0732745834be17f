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
	task  table.FileScanTask
	month *int
}

// Month is the partition of the file, counted from 1970-01. ok is false if it is partitioned in another way, as only other engines
// do.
func (f File) Month() (month int, ok bool) {
	if f.month == nil {
		return 0, false
	}
	return *f.month, true
}

// MonthSQL is DuckDB's expression for the month of a column of times or days, in UTC and counted as Month does. It goes by way of
// microseconds, because a time with a zone goes through ICU's calendar, which takes ten times as long.
func MonthSQL(column string) string {
	return fmt.Sprintf("date_diff('month', timestamp '1970-01-01', make_timestamp(epoch_us(%s)))", column)
}

// newFile makes a File of what was planned, for a table with the given partitioning.
func newFile(task table.FileScanTask, spec iceberg.PartitionSpec) File {
	f := File{task: task}
	field, ok := monthField(spec)
	if !ok {
		return f
	}
	switch v := task.File.Partition()[field.FieldID].(type) {
	case int32:
		m := int(v)
		f.month = &m
	case int:
		f.month = &v
	}
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

// Months is a range of months since 1970-01, both ends included. Every table here is partitioned by month.
type Months struct{ Lo, Hi int }

// AllMonths is every partition there can be.
var AllMonths = Months{math.MinInt, math.MaxInt}

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

// monthField finds the month's field of a partition spec.
func monthField(spec iceberg.PartitionSpec) (iceberg.PartitionField, bool) {
	for _, field := range spec.Fields() {
		if _, ok := field.Transform.(iceberg.MonthTransform); ok {
			return field, true
		}
	}
	return iceberg.PartitionField{}, false
}

// Column finds a column of a table's current schema.
func (t *Table) Column(name string) (iceberg.NestedField, bool) {
	return t.Meta.CurrentSchema().FindFieldByNameCaseInsensitive(strings.ToLower(name))
}
