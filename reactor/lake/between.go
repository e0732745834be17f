package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Between returns the live files of a snapshot that may hold rows of the time from one moment until before another, by their partition
// and their bounds. A reader of these rows opens no other file.
func (l *Lake) Between(ctx context.Context, t *Table, s *table.Snapshot, from, to time.Time) ([]File, error) {
	months := Months{monthAt(from.Unix()).Lo, monthAt(to.Add(-time.Microsecond).Unix()).Hi}
	files, err := l.Files(ctx, t, s, months)
	if err != nil {
		return nil, err
	}
	column, ok := clock(t.Meta)
	if !ok {
		return files, nil
	}
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		first, last, ok := f.span(column)
		return ok && (last.Before(from) || !first.Before(to))
	}), nil
}

// span is the first and the last moment of a file's rows.
func (f File) span(column iceberg.NestedField) (first, last time.Time, ok bool) {
	lo, hi, ok := f.Ints(column)
	if column.Type.Equals(iceberg.PrimitiveTypes.Date) {
		return time.Unix(lo*24*60*60, 0).UTC(), time.Unix(hi*24*60*60, 0).UTC(), ok
	}
	return time.UnixMicro(lo).UTC(), time.UnixMicro(hi).UTC(), ok
}

// Place is where a file lies in its table.
type Place struct {
	Spec      string     // "month(observed_at)"
	Partition string     // "2026-03"; of several parts, with commas
	First     *time.Time // of its rows, nil where it does not tell
	Last      *time.Time
}

// Place says where a file of a table lies, by the spec that it was written with.
func (t *Table) Place(f File) (Place, error) {
	spec := t.Meta.PartitionSpecByID(int(f.task.File.SpecID()))
	if spec == nil {
		return Place{}, fmt.Errorf("%s has no partition spec %d, which its file %s names", t.Name, f.task.File.SpecID(), f.Path())
	}
	p := Place{Spec: PartitionText(PartitionsOf(t.Meta.CurrentSchema(), *spec))}
	var values []string
	for _, field := range spec.Fields() {
		values = append(values, human(field.Transform, f.task.File.Partition()[field.FieldID]))
	}
	p.Partition = strings.Join(values, ", ")
	if column, ok := clock(t.Meta); ok {
		if first, last, ok := f.span(column); ok {
			p.First, p.Last = &first, &last
		}
	}
	return p, nil
}

// human writes a partition's value. Values of time are numbers in files and in memory of more than one kind.
func human(transform iceberg.Transform, value any) string {
	if value == nil {
		return "null"
	}
	slot, ok := division{unit: unitOf(transform)}.slotOf(value)
	if !ok {
		return fmt.Sprint(value)
	}
	switch slot.unit {
	case byYear:
		return fmt.Sprint(1970 + slot.Number)
	case byDay:
		return time.Unix(int64(slot.Number)*24*60*60, 0).UTC().Format(time.DateOnly)
	case byHour:
		return time.Unix(int64(slot.Number)*60*60, 0).UTC().Format("2006-01-02T15")
	}
	return time.Date(1970, time.Month(slot.Number+1), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}
