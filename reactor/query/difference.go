package query

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/rows"
	"millrace/reactor/tables"
)

// How a row differs between two snapshots.
const (
	Inserted = "inserted"
	Deleted  = "deleted"
	Updated  = "updated"
)

// Difference compares two snapshots of a table by the rows of the files that only one of them has: a file is written anew
// for a single row, and says nothing of which. Both sides are seen in the columns that the table has now.
type Difference struct {
	Lake     *lake.Lake
	Table    *lake.Table
	From, To *table.Snapshot // nil: the empty table
	Show     progress.Show
}

// Change is a row that differs.
type Change struct {
	How string // Inserted, Deleted or Updated
	// Row is the row's values by column: the new ones, and of a deleted row the former ones.
	Row []any
	// Old are the former values of the columns that an update changed; nil for other changes.
	Old map[string]any
}

// Columns are those of Change.Row.
func (d Difference) Columns() []string { return lake.ColumnNames(d.Table.Meta.CurrentSchema()) }

// key tells the rows apart. Without one, no two rows are versions of one row, and nothing is an update.
func (d Difference) key() []string {
	if key := tables.KeyOf(d.Table); len(key) > 0 {
		return key
	}
	return d.Columns()
}

// Each gives the rows that differ to show, in the order of the table's key. The connection is busy meanwhile.
func (d Difference) Each(ctx context.Context, conn *duck.Conn, show func(iter.Seq2[Change, error]) error) error {
	result, err := d.compare(ctx, conn)
	if err != nil {
		return err
	}
	defer result.Close()
	columns := d.Columns()
	return show(func(yield func(Change, error) bool) {
		for row, err := range Cells(result) {
			if err != nil {
				yield(Change{}, err)
				return
			}
			if !yield(changeOf(row, columns), nil) {
				return
			}
		}
	})
}

// Count tells how many rows differ, by how.
func (d Difference) Count(ctx context.Context, conn *duck.Conn) (map[string]int, error) {
	counts := map[string]int{}
	err := d.Each(ctx, conn, func(changes iter.Seq2[Change, error]) error {
		for c, err := range changes {
			if err != nil {
				return err
			}
			counts[c.How]++
		}
		return nil
	})
	return counts, err
}

// changeOf reads a line of compare: how, the row after, and the row before.
func changeOf(line []any, columns []string) Change {
	n := len(columns)
	c := Change{How: line[0].(string), Row: line[1 : 1+n]}
	before := line[1+n:]
	switch c.How {
	case Deleted:
		c.Row = before
	case Updated:
		c.Old = map[string]any{}
		for i, column := range columns {
			if !reflect.DeepEqual(c.Row[i], before[i]) {
				c.Old[column] = before[i]
			}
		}
	}
	return c
}

// read fills the tables before and after.
func (d Difference) read(ctx context.Context, conn *duck.Conn) error {
	schema, err := table.SchemaToArrowSchema(d.Table.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	added, removed, err := d.Lake.Diff(ctx, d.Table, d.From, d.To)
	if err != nil {
		return err
	}
	bar := d.Show(len(added)+len(removed), "reading files")
	defer bar.Done()
	for name, files := range map[string][]lake.File{"before": removed, "after": added} {
		if err := rows.CreateEmpty(ctx, conn, name, schema); err != nil {
			return err
		}
		for _, f := range files {
			if _, err := rows.Insert(ctx, conn, name, rows.Source{Lake: d.Lake, Table: d.Table, Files: []lake.File{f}}); err != nil {
				return err
			}
			bar.Add(1)
		}
	}
	return nil
}

// compare gives the rows that differ: how, the row after (nulls for a deleted one), and the row before.
func (d Difference) compare(ctx context.Context, conn *duck.Conn) (*duck.Rows, error) {
	if err := d.read(ctx, conn); err != nil {
		return nil, err
	}
	columns, key := d.Columns(), d.key()
	all := duck.Identifiers("", columns)
	side := func(name, sign string) string {
		// A row may be there several times in a table without a key; the n-th of one side belongs to the n-th of the other.
		return fmt.Sprintf(`create or replace temp table %[1]s as select %[2]s, row_number() over (partition by %[3]s order by %[2]s) as _n
			from (select %[2]s, unnest(range(%[4]s%[5]s)) from difference where %[4]s%[5]s > 0)`, name, all, duck.Identifiers("", key), sign, duck.TimesColumn)
	}
	setup := "create or replace temp table difference as " + duck.DifferenceSQL(columns, "after", "before")
	for _, sql := range []string{setup, "drop table after; drop table before", side("came", ""), side("went", "-"), "drop table difference"} {
		if err := conn.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("compare two snapshots of %s: %w", d.Table.Name, err)
		}
	}
	on, order := []string{"came._n = went._n"}, []string{}
	for _, k := range key {
		c := duck.Identifier(k)
		on = append(on, fmt.Sprintf("came.%[1]s is not distinct from went.%[1]s", c))
		order = append(order, fmt.Sprintf("coalesce(came.%[1]s, went.%[1]s)", c))
	}
	return conn.Query(ctx, fmt.Sprintf(`select case when went._n is null then '%s' when came._n is null then '%s' else '%s' end as change, %s, %s
		from came full join went on %s order by %s, coalesce(came._n, went._n)`,
		Inserted, Deleted, Updated, duck.Identifiers("came.", columns), duck.Identifiers("went.", columns), strings.Join(on, " and "), strings.Join(order, ", ")))
}
