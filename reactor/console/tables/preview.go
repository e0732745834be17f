package tables

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/query"
	"millrace/reactor/rows"
	own "millrace/reactor/tables"
)

// Rows are some of a table's, as values to print.
type Rows struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

const (
	// previewed is how many rows a page shows.
	previewed = 50
	// memory that a page's DuckDB may use; beyond it rows spill to disk.
	memory = "128MiB"
)

// preview reads the last rows of a snapshot: of the newest months' files, no more than it takes to fill the page.
func (p *Pages) preview(ctx context.Context, t *lake.Table, s *table.Snapshot) (Rows, error) {
	found := Rows{Columns: lake.ColumnNames(t.Meta.CurrentSchema()), Rows: [][]any{}}
	files, err := p.lake.Files(ctx, t, s, lake.AllMonths)
	if err != nil {
		return found, err
	}
	files = newest(files, previewed)
	err = p.over(ctx, t, files, func(conn *duck.Conn) error {
		result, err := conn.Query(ctx, fmt.Sprintf("from shown order by %s limit %d", lastFirst(t), previewed))
		if err != nil {
			return err
		}
		defer result.Close()
		for row, err := range query.Cells(result) {
			if err != nil {
				return err
			}
			found.Rows = append(found.Rows, row)
		}
		return nil
	})
	return found, err
}

// over runs work on a database that has the rows of files as the table shown.
func (p *Pages) over(ctx context.Context, t *lake.Table, files []lake.File, work func(*duck.Conn) error) error {
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	return duck.TemporaryConn(memory, func(conn *duck.Conn) error {
		if err := rows.CreateEmpty(ctx, conn, "shown", schema); err != nil {
			return err
		}
		if _, err := rows.Insert(ctx, conn, "shown", rows.Source{Lake: p.lake, Table: t, Files: files}); err != nil {
			return err
		}
		return work(conn)
	})
}

// newest returns the files of the last months that hold n rows or more.
func newest(files []lake.File, n int64) []lake.File {
	files = slices.Clone(files)
	months := func(f lake.File) lake.Months { m, _ := f.Months(); return m }
	slices.SortStableFunc(files, func(a, b lake.File) int { return cmp.Compare(months(b).Hi, months(a).Hi) })
	var held int64
	first := lake.AllMonths.Hi // of all months so far
	for i, f := range files {
		if held >= n && months(f).Hi < first {
			return files[:i]
		}
		held += f.Rows()
		first = min(first, months(f).Lo)
	}
	return files
}

// lastFirst orders rows by time, the last first, and by key.
func lastFirst(t *lake.Table) string {
	var order []string
	for _, name := range []string{gold.Day, gold.SilverTime, "source_modified_at"} {
		if _, ok := t.Column(name); ok {
			order = append(order, duck.Identifier(name)+" desc")
		}
	}
	for _, name := range own.KeyOf(t) {
		order = append(order, duck.Identifier(name))
	}
	if len(order) == 0 {
		return "1"
	}
	return strings.Join(order, ", ")
}
