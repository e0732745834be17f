package lake

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Files are divided by a table's partition spec. The spec may change: files keep the one that they were written with. What is asked for
// is always some months of the table's time, its clock; how far a file can be left out depends on its own spec, or on its bounds.

// clockColumn is the time of a table of silver that its first spec does not tell.
const clockColumn = "observed_at"

// clock returns the column of time that a table's rows are asked for by: that of its first spec, which it was made with.
func clock(meta table.Metadata) (iceberg.NestedField, bool) {
	schema := meta.CurrentSchema()
	specs := meta.PartitionSpecs()
	if len(specs) > 0 {
		first := slices.MinFunc(specs, func(a, b iceberg.PartitionSpec) int { return a.ID() - b.ID() })
		for _, f := range first.Fields() {
			if unitOf(f.Transform) != "" {
				return schema.FindFieldByID(f.SourceID())
			}
		}
	}
	return schema.FindFieldByName(clockColumn)
}

// unit is a length of time by which a spec divides.
type unit string

const (
	byYear  unit = "year"
	byMonth unit = "month"
	byDay   unit = "day"
	byHour  unit = "hour"
)

// unitOf is that of a transform, "" for one that does not divide by time.
func unitOf(t iceberg.Transform) unit {
	switch t.(type) {
	case iceberg.YearTransform:
		return byYear
	case iceberg.MonthTransform:
		return byMonth
	case iceberg.DayTransform:
		return byDay
	case iceberg.HourTransform:
		return byHour
	}
	return ""
}

// months are those that a unit's value is in, which counts from 1970.
func (u unit) months(n int) Months {
	switch u {
	case byYear:
		return Months{12 * n, 12*n + 11}
	case byDay:
		return monthAt(int64(n) * 24 * 60 * 60)
	case byHour:
		return monthAt(int64(n) * 60 * 60)
	}
	return Months{n, n}
}

// monthAt is the month of a moment, in seconds since 1970.
func monthAt(seconds int64) Months {
	t := time.Unix(seconds, 0).UTC()
	m := (t.Year()-1970)*12 + int(t.Month()) - 1
	return Months{m, m}
}

// sql is DuckDB's expression for a unit's value of a column of times or days, in UTC. It goes by way of microseconds, because a time
// with a zone goes through ICU's calendar, which takes ten times as long.
func (u unit) sql(column string) string {
	moment := fmt.Sprintf("make_timestamp(epoch_us(%s))", column)
	switch u {
	case byDay:
		return fmt.Sprintf("(%s::date - date '1970-01-01')", moment)
	case byHour:
		return fmt.Sprintf("(epoch_us(date_trunc('hour', %s)) // 3600000000)", moment)
	}
	return fmt.Sprintf("date_diff('%s', timestamp '1970-01-01', %s)", u, moment)
}

// MonthSQL is DuckDB's expression for the month of a column of times or days, in UTC and counted as Months are.
func MonthSQL(column string) string { return byMonth.sql(column) }

// division is how a spec divides files by the clock.
type division struct {
	clock iceberg.NestedField // ID is 0 where there is none
	unit  unit                // "" where the spec does not go by the clock
	field int                 // id of the partition field
	at    int                 // its place
}

func divisionOf(meta table.Metadata, spec *iceberg.PartitionSpec) division {
	var d division
	var ok bool
	if d.clock, ok = clock(meta); !ok || spec == nil {
		return d
	}
	for i, f := range spec.Fields() {
		if u := unitOf(f.Transform); u != "" && f.SourceID() == d.clock.ID {
			d.unit, d.field, d.at = u, f.FieldID, i
			break
		}
	}
	return d
}

// Slot is the piece of time that a file is of, as its spec divides time.
type Slot struct {
	unit unit
	// Number counts units since 1970.
	Number int
}

// Beside tells whether two slots are of the same unit.
func (s Slot) Beside(other Slot) bool { return s.unit == other.unit }

// SQL is DuckDB's expression for the Number of the slot that a row is in, by a column of times or days.
func (s Slot) SQL(column string) string { return s.unit.sql(column) }

// slot reads a file's piece of time from its partition.
func (d division) slot(f iceberg.DataFile) (Slot, bool) {
	return d.slotOf(f.Partition()[d.field])
}

// slotOf reads a piece of time from a partition's value.
func (d division) slotOf(value any) (Slot, bool) {
	if d.unit == "" {
		return Slot{}, false
	}
	switch v := value.(type) {
	case int32:
		return Slot{d.unit, int(v)}, true
	case int:
		return Slot{d.unit, v}, true
	case int64:
		return Slot{d.unit, int(v)}, true
	case iceberg.Date:
		return Slot{d.unit, int(v)}, true
	}
	return Slot{}, false
}

// months are those that a file's rows are of, by its bounds of the clock; nil where it does not tell.
func (d division) months(f File) *Months {
	if d.clock.ID == 0 {
		return nil
	}
	lo, hi, ok := f.Ints(d.clock)
	if !ok {
		return nil
	}
	perSecond := int64(time.Second / time.Microsecond)
	if d.clock.Type.Equals(iceberg.PrimitiveTypes.Date) {
		return &Months{byDay.months(int(lo)).Lo, byDay.months(int(hi)).Hi}
	}
	return &Months{monthAt(floor(lo, perSecond)).Lo, monthAt(floor(hi, perSecond)).Hi}
}

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// mayHold tells from the manifest list alone whether a manifest can name files of the months.
func (d division) mayHold(m iceberg.ManifestFile, months Months) bool {
	summaries := m.Partitions()
	if d.unit == "" || d.at >= len(summaries) {
		return true
	}
	s := summaries[d.at]
	if s.ContainsNull || s.LowerBound == nil || s.UpperBound == nil || len(*s.LowerBound) != 4 || len(*s.UpperBound) != 4 {
		return true
	}
	lo, hi := int(int32(binary.LittleEndian.Uint32(*s.LowerBound))), int(int32(binary.LittleEndian.Uint32(*s.UpperBound)))
	return d.unit.months(lo).Lo <= months.Hi && d.unit.months(hi).Hi >= months.Lo
}

// OrderSQL sorts rows as a table's files have them: all of a partition together, and in it by some columns.
func OrderSQL(schema *iceberg.Schema, spec iceberg.PartitionSpec, columns []string) string {
	terms, _ := clustered(schema, spec)
	return strings.Join(append(terms, columns...), ", ")
}

// clustered returns DuckDB's terms that bring all rows of a partition together; ok is false where there are none: then the writer keeps
// a file open for each partition.
func clustered(schema *iceberg.Schema, spec iceberg.PartitionSpec) (terms []string, ok bool) {
	for _, f := range spec.Fields() {
		if _, void := f.Transform.(iceberg.VoidTransform); void {
			continue
		}
		column, found := schema.FindFieldByID(f.SourceID())
		if !found {
			return nil, false
		}
		name := `"` + strings.ReplaceAll(column.Name, `"`, `""`) + `"`
		switch f.Transform.(type) {
		case iceberg.IdentityTransform:
			terms = append(terms, name)
		default:
			u := unitOf(f.Transform)
			if u == "" {
				return nil, false
			}
			terms = append(terms, u.sql(name))
		}
	}
	return terms, true
}

// PartitionBy is a part of a partition spec, by the column's name.
type PartitionBy struct {
	Column    string
	Name      string
	Transform iceberg.Transform
}

// PartitionsOf names the columns of a spec.
func PartitionsOf(schema *iceberg.Schema, spec iceberg.PartitionSpec) []PartitionBy {
	all := []PartitionBy{}
	for _, f := range spec.Fields() {
		column, _ := schema.FindColumnName(f.SourceID())
		all = append(all, PartitionBy{column, f.Name, f.Transform})
	}
	return all
}

// PartitionText writes a spec as people do: "month(observed_at)", or "none".
func PartitionText(parts []PartitionBy) string {
	var texts []string
	for _, p := range parts {
		name, width, _ := strings.Cut(p.Transform.String(), "[")
		switch width = strings.TrimSuffix(width, "]"); {
		case name == "void":
		case width != "":
			texts = append(texts, fmt.Sprintf("%s(%s, %s)", name, width, p.Column))
		default:
			texts = append(texts, fmt.Sprintf("%s(%s)", name, p.Column))
		}
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

// PartitionedBy writes the spec of a table's new files.
func (t *Table) PartitionedBy() string {
	return PartitionText(PartitionsOf(t.Meta.CurrentSchema(), t.Meta.PartitionSpec()))
}

// repartition returns the updates that give a table another spec. No file is rewritten. A spec that the table had before comes back,
// and a field that it had keeps its id, as the specification asks for.
func repartition(meta table.Metadata, parts []PartitionBy) ([]table.Update, error) {
	var fields []iceberg.PartitionField
	next := iceberg.PartitionDataIDStart
	for _, spec := range meta.PartitionSpecs() {
		for _, f := range spec.Fields() {
			next = max(next, f.FieldID+1)
		}
	}
	for _, p := range parts {
		column, ok := meta.CurrentSchema().FindFieldByName(p.Column)
		if !ok {
			return nil, fmt.Errorf("partition by %s: there is no column %s", PartitionText(parts), p.Column)
		}
		f := iceberg.PartitionField{SourceIDs: []int{column.ID}, FieldID: next, Name: p.Name, Transform: p.Transform}
		if had, ok := hadField(meta, f); ok {
			f = had
		} else {
			next++
		}
		fields = append(fields, f)
	}
	for _, spec := range meta.PartitionSpecs() {
		var had []iceberg.PartitionField
		for _, f := range spec.Fields() {
			had = append(had, f)
		}
		if slices.EqualFunc(had, fields, sameField) {
			return []table.Update{table.NewSetDefaultSpecUpdate(spec.ID())}, nil
		}
	}
	spec := iceberg.NewPartitionSpec(fields...)
	return []table.Update{table.NewAddPartitionSpecUpdate(&spec, false), table.NewSetDefaultSpecUpdate(-1)}, nil
}

func hadField(meta table.Metadata, wanted iceberg.PartitionField) (iceberg.PartitionField, bool) {
	for _, spec := range meta.PartitionSpecs() {
		for _, f := range spec.Fields() {
			if sameField(f, wanted) {
				return f, true
			}
		}
	}
	return iceberg.PartitionField{}, false
}

func sameField(a, b iceberg.PartitionField) bool {
	return a.SourceID() == b.SourceID() && a.Transform.Equals(b.Transform)
}
