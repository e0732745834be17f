package promote

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
)

// merger turns decoded rows, which its connection has in the table incoming, into a change of one silver table.
type merger struct {
	lake  *lake.Lake
	cache *rows.Cache
	conn  *duck.Conn
	sql   silver.Merge
	table string
	// columns lists the definition's columns; a table may have others.
	columns []string
	// time is the column that rows are asked for by. order sorts rows in a file, so that readers of one asset skip the rest.
	time  string
	order []string
}

// bounds holds the least and greatest values of the incoming rows of one month, by column. A file outside them in any column
// has none of their keys.
type bounds struct {
	month          int
	loTime, hiTime int64    // µs
	texts          []string // columns of strings
	loText, hiText []string // by column of texts
}

// monthOf is the month of a moment, as bounds count it.
func monthOf(t time.Time) int { return (t.Year()-1970)*12 + int(t.Month()) - 1 }

// merged is the change that a merge makes to a table. The commit reads its rows while it runs; the query written can be asked
// until release.
type merged struct {
	lake.Change
	written rows.Query
	release func()
}

// change works out what the incoming rows change in the table, nil for nothing. once tells that each incoming key comes once.
func (m *merger) change(ctx context.Context, v *lake.View, all []bounds, once bool) (*merged, error) {
	t, err := v.Table(m.table)
	if err != nil {
		return nil, err
	}
	candidates, err := m.candidates(ctx, t, all)
	if err != nil {
		return nil, err
	}
	if len(candidates) == 0 && once {
		// The usual case: all keys are new, so there is nothing to merge.
		return m.write(ctx, t, nil, "from incoming", func() {})
	}
	held, err := m.cache.Hold(ctx, m.conn, t, candidates)
	if err != nil {
		return nil, err
	}
	c, err := m.merge(ctx, t, held, once)
	if c == nil {
		held.Release()
	}
	return c, err
}

func (m *merger) merge(ctx context.Context, t *lake.Table, held *rows.Held, once bool) (*merged, error) {
	changes := m.sql.Changes
	if once && m.sql.ChangesOnce != "" {
		changes = m.sql.ChangesOnce
	}
	if err := m.conn.Exec(ctx, "create or replace temp view existing as "+held.Relation+"; "+changes); err != nil {
		return nil, fmt.Errorf("merge into %s: %w", m.table, err)
	}
	n, err := m.conn.Ints(ctx, "select count(*) from changes")
	if err != nil || n[0] == 0 {
		return nil, err
	}
	replaced, err := m.conn.Ints(ctx, m.sql.Files)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", m.table, err)
	}
	var remove []lake.File
	for _, number := range replaced {
		remove = append(remove, held.Files[number])
	}
	sql := m.sql.Rows
	if len(remove) == 0 {
		sql = m.sql.Appended
	}
	return m.write(ctx, t, remove, sql, held.Release)
}

// write returns the change that removes files and writes the rows of a query, sorted as files keep them.
func (m *merger) write(ctx context.Context, t *lake.Table, remove []lake.File, sql string, release func()) (*merged, error) {
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", m.table, err)
	}
	if sql, err = m.withForeign(ctx, t, sql); err != nil {
		return nil, fmt.Errorf("merge into %s: %w", m.table, err)
	}
	// Select the columns in the table's order: a column that it got later is its last, wherever the dataset has it.
	sql = fmt.Sprintf("select %s from (%s)", duck.Identifiers("", lake.ColumnNames(t.Meta.CurrentSchema())), sql)
	ordered := sql + " order by " + lake.OrderSQL(t.Meta.CurrentSchema(), t.Meta.PartitionSpec(), m.order)
	return &merged{
		Change:  lake.Change{Base: t, Remove: remove, Schema: schema, Rows: rows.Select(ctx, m.conn, ordered, schema)},
		written: rows.Query{Conn: m.conn, SQL: sql, Column: m.time, Awaited: true},
		release: release,
	}, nil
}

// withForeign adds to a query the table's columns of other engines that it lacks. They are null in rows that millrace writes.
func (m *merger) withForeign(ctx context.Context, t *lake.Table, sql string) (string, error) {
	if !slices.ContainsFunc(lake.ColumnNames(t.Meta.CurrentSchema()), func(c string) bool { return !slices.Contains(m.columns, c) }) {
		return sql, nil
	}
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return "", err
	}
	const shape = "table_shape"
	if err := rows.CreateTemporary(ctx, m.conn, shape, schema); err != nil {
		return "", err
	}
	return fmt.Sprintf("(from %s) union all by name (%s)", shape, sql), nil
}

// candidates returns the live files that may hold a key within one of the bounds.
func (m *merger) candidates(ctx context.Context, t *lake.Table, all []bounds) ([]lake.File, error) {
	if len(all) == 0 {
		return nil, nil
	}
	months := lake.Months{Lo: all[0].month, Hi: all[0].month}
	for _, b := range all {
		months.Lo, months.Hi = min(months.Lo, b.month), max(months.Hi, b.month)
	}
	files, err := m.lake.Files(ctx, t, t.Snapshot(), months)
	if err != nil {
		return nil, err
	}
	var in []lake.File
	for _, f := range files {
		for _, b := range all {
			if b.meets(t, f, m.time) {
				in = append(in, f)
				break
			}
		}
	}
	return in, nil
}

// meets tells whether a file may hold a row within the bounds. A file without bounds may hold any row.
func (b bounds) meets(t *lake.Table, f lake.File, time string) bool {
	field, ok := t.Column(time)
	if !ok {
		return true
	}
	if lo, hi, ok := f.Ints(field); ok && (hi < b.loTime || lo > b.hiTime) {
		return false
	}
	for i, column := range b.texts {
		field, ok := t.Column(column)
		if !ok {
			continue
		}
		if lo, hi, ok := f.Strings(field); ok && (hi < b.loText[i] || lo > b.hiText[i]) {
			return false
		}
	}
	return true
}

// incoming returns the bounds of the incoming rows of each month, and whether each key comes once among them.
func (m *merger) incoming(ctx context.Context, key []string, schema *iceberg.Schema) (all []bounds, once bool, err error) {
	texts := texts(schema, key)
	sql := fmt.Sprintf("select %[3]s, count(*) = count(distinct (%[2]s)), epoch_us(min(%[1]s)), epoch_us(max(%[1]s))", m.time, strings.Join(key, ", "), lake.MonthSQL(m.time))
	for _, c := range texts {
		sql += fmt.Sprintf(", min(%[1]s), max(%[1]s)", c)
	}
	r, err := m.conn.Few(ctx, sql+" from incoming group by 1 order by 1")
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	once = true
	for r.Next() {
		batch := r.RecordBatch()
		for i := range int(batch.NumRows()) {
			b := bounds{
				month:  int(batch.Column(0).(*array.Int64).Value(i)),
				loTime: batch.Column(2).(*array.Int64).Value(i), hiTime: batch.Column(3).(*array.Int64).Value(i), texts: texts,
			}
			once = once && batch.Column(1).(*array.Boolean).Value(i)
			for j := range texts {
				b.loText = append(b.loText, strings.Clone(batch.Column(4+2*j).(*array.String).Value(i)))
				b.hiText = append(b.hiText, strings.Clone(batch.Column(5+2*j).(*array.String).Value(i)))
			}
			all = append(all, b)
		}
	}
	return all, once, r.Err()
}

// texts returns those of the named columns that hold strings.
func texts(schema *iceberg.Schema, names []string) []string {
	var found []string
	for _, n := range names {
		if f, ok := schema.FindFieldByName(n); ok && f.Type.Equals(iceberg.PrimitiveTypes.String) {
			found = append(found, n)
		}
	}
	return found
}
