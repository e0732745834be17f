package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// How a row differs between two snapshots.
const (
	inserted = "inserted"
	deleted  = "deleted"
	updated  = "updated"
)

// difference compares two snapshots of a table by the rows of the files that only one of them has: a file is written anew
// for a single row, and says nothing of which. Both sides are seen in the columns that the table has now.
type difference struct {
	lake     *lake.Lake
	conn     *duck.Conn
	table    *lake.Table
	from, to *table.Snapshot // nil: the empty table
	columns  []string
	key      []string
}

func newDifference(l *lake.Lake, conn *duck.Conn, t *lake.Table, from, to *table.Snapshot) *difference {
	d := &difference{lake: l, conn: conn, table: t, from: from, to: to, key: keyOf(t)}
	for _, f := range t.Meta.CurrentSchema().Fields() {
		d.columns = append(d.columns, f.Name)
	}
	if len(d.key) == 0 {
		d.key = d.columns // no two rows are versions of one: nothing is an update
	}
	return d
}

// read fills the tables before and after.
func (d *difference) read(ctx context.Context, out *cli.Output) error {
	schema, err := table.SchemaToArrowSchema(d.table.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	added, removed, err := d.lake.Diff(ctx, d.table, d.from, d.to)
	if err != nil {
		return err
	}
	bar := out.Progress(len(added)+len(removed), "reading files")
	defer bar.Done()
	for name, files := range map[string][]lake.File{"before": removed, "after": added} {
		if err := createEmpty(ctx, d.conn, name, schema); err != nil {
			return err
		}
		for _, f := range files {
			if err := d.insert(ctx, name, f); err != nil {
				return err
			}
			bar.Add(1)
		}
	}
	return nil
}

func (d *difference) insert(ctx context.Context, name string, f lake.File) error {
	_, batches, err := d.lake.Read(ctx, d.table, d.to, f)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Path(), err)
		}
		err = d.conn.Insert(ctx, name, b.Schema(), b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// rows are the rows that differ: how, the row after (nulls for a deleted one), and the row before.
func (d *difference) rows(ctx context.Context) (*duck.Rows, error) {
	all := identifiers("", d.columns)
	side := func(name, sign string) string {
		// A row may be there several times in a table without a key; the n-th of one side belongs to the n-th of the other.
		return fmt.Sprintf(`create or replace temp table %[1]s as select %[2]s, row_number() over (partition by %[3]s order by %[2]s) as _n
			from (select %[2]s, unnest(range(%[4]s_times)) from difference where %[4]s_times > 0)`, name, all, identifiers("", d.key), sign)
	}
	setup := fmt.Sprintf(`create or replace temp table difference as select %[1]s, sum(_side)::bigint as _times
		from (select %[1]s, 1 as _side from after union all select %[1]s, -1 from before) group by %[1]s having sum(_side) <> 0`, all)
	for _, sql := range []string{setup, "drop table after; drop table before", side("came", ""), side("went", "-"), "drop table difference"} {
		if err := d.conn.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("compare two snapshots of %s: %w", d.table.Name, err)
		}
	}
	on, order := []string{"came._n = went._n"}, []string{}
	for _, k := range d.key {
		c := duck.Identifier(k)
		on = append(on, fmt.Sprintf("came.%[1]s is not distinct from went.%[1]s", c))
		order = append(order, fmt.Sprintf("coalesce(came.%[1]s, went.%[1]s)", c))
	}
	return d.conn.Query(ctx, fmt.Sprintf(`select case when went._n is null then '%s' when came._n is null then '%s' else '%s' end as change, %s, %s
		from came full join went on %s order by %s, coalesce(came._n, went._n)`,
		inserted, deleted, updated, identifiers("came.", d.columns), identifiers("went.", d.columns), strings.Join(on, " and "), strings.Join(order, ", ")))
}

// count tells how many rows differ, by how.
func (d *difference) count(ctx context.Context) (map[string]int, error) {
	rows, err := d.rows(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[string]int{}
	for row, err := range cells(rows) {
		if err != nil {
			return nil, err
		}
		counts[row[0].(string)]++
	}
	return counts, nil
}

func identifiers(prefix string, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = prefix + duck.Identifier(n)
	}
	return strings.Join(quoted, ", ")
}
