package lineage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/reactor/namespace"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/query"
	"millrace/reactor/rows"
	"millrace/reactor/tables"
)

// window is what a row may be made of in one table: the rows of its days that have the same key, as far as the table has the
// columns of it. A model may look at rows of other keys too (a rank is one among all); those are counted beside.
type window struct {
	table string
	depth int
	days  plan.Range
}

// windows returns those that a row of a table on a day is made of, itself first, each table once and with all of its days.
func windows(set *gold.Set, name string, day plan.Day) []window {
	found := []window{{name, 0, plan.Range{From: day, To: day}}}
	for _, m := range slices.Backward(set.Models) { // each model before those that it reads
		i := slices.IndexFunc(found, func(w window) bool { return w.table == m.Name })
		if i < 0 {
			continue
		}
		for _, in := range m.Inputs {
			from := found[i].days.From - plan.Day(m.Lookback)
			j := slices.IndexFunc(found, func(w window) bool { return w.table == in })
			if j < 0 {
				found = append(found, window{in, found[i].depth + 1, plan.Range{From: from, To: day}})
				continue
			}
			found[j].days.From = min(found[j].days.From, from)
		}
	}
	return found
}

// reader reads the rows of windows into the table found of a database, file by file: only what a window holds stays.
type reader struct {
	lake *lake.Lake
	conn *duck.Conn
	key  map[string]string // the row's values by column, day left out
}

// condition selects the rows of t that belong to the row's key.
func (n *reader) condition(t *lake.Table) string {
	parts := []string{"true"}
	for column, value := range n.key {
		if _, ok := t.Meta.CurrentSchema().FindFieldByName(column); ok && slices.Contains(tables.KeyOf(t), column) {
			parts = append(parts, fmt.Sprintf("%s = %s", duck.Identifier(column), duck.Quote(value)))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " and ")
}

// dayOf is the SQL for a row's day.
func dayOf(t *lake.Table) string {
	if namespace.Silver.Has(t.Name) {
		return gold.SilverDay
	}
	return gold.Day
}

// gather fills the table found with the rows of files for which where holds.
func (n *reader) gather(ctx context.Context, t *lake.Table, files []lake.File, where string) error {
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	if err := rows.CreateEmpty(ctx, n.conn, "found", schema); err != nil {
		return err
	}
	for _, f := range files {
		if err := rows.CreateEmpty(ctx, n.conn, "one_file", schema); err != nil {
			return err
		}
		if _, err := rows.Insert(ctx, n.conn, "one_file", rows.Source{Lake: n.lake, Table: t, Files: []lake.File{f}}); err != nil {
			return err
		}
		if err := n.conn.Exec(ctx, "insert into found by name select * from one_file where "+where); err != nil {
			return err
		}
	}
	return nil
}

// rowFiles returns the files of a snapshot that may hold a row with some values, by their bounds.
func (n *reader) rowFiles(ctx context.Context, t *lake.Table, s *table.Snapshot, months lake.Months, values map[string]string) ([]lake.File, error) {
	files, err := n.lake.Files(ctx, t, s, months)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(f lake.File) bool {
		for column, value := range values {
			field, ok := t.Column(column)
			if !ok || !field.Type.Equals(iceberg.PrimitiveTypes.String) {
				continue
			}
			if lo, hi, ok := f.Strings(field); ok && (value < lo || value > hi) {
				return true
			}
		}
		return false
	}), nil
}

// counted returns how many rows a window has of the key and of others.
func (n *reader) counted(ctx context.Context, t *lake.Table) (own, others int64, err error) {
	result, err := n.conn.Query(ctx, fmt.Sprintf("select count(*) filter (%[1]s), count(*) filter (not (%[1]s)) from found", n.condition(t)))
	if err != nil {
		return 0, 0, err
	}
	defer result.Close()
	for line, err := range query.Cells(result) {
		if err != nil {
			return 0, 0, err
		}
		own, others = line[0].(int64), line[1].(int64)
	}
	return own, others, nil
}

// source is one object version among the rows of a window.
type source struct {
	key, version string
	modifiedAt   time.Time
	rows         []any // their numbers in the object
	from, to     time.Time
}

// sources returns the object versions that gave the rows of the key, the newest observation first.
func (n *reader) sources(ctx context.Context, t *lake.Table, at string) ([]source, error) {
	result, err := n.conn.Query(ctx, fmt.Sprintf(`select source_key, source_version, source_modified_at, list(source_row order by source_row), min(%[1]s), max(%[1]s)
		from found where %[2]s group by all order by max(%[1]s) desc, source_modified_at desc, source_key`, at, n.condition(t)))
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var found []source
	for line, err := range query.Cells(result) {
		if err != nil {
			return nil, err
		}
		s := source{key: line[0].(string), version: line[1].(string)}
		s.modifiedAt, _ = line[2].(time.Time)
		s.rows, _ = line[3].([]any)
		s.from, _ = line[4].(time.Time)
		s.to, _ = line[5].(time.Time)
		found = append(found, s)
	}
	return found, nil
}
