package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// Reading is the lake at one instant, as tables of a database that sees nothing else.
type Reading struct {
	Lake   *lake.Lake
	View   *lake.View
	At     func(*lake.Table) (*table.Snapshot, error) // which of a table's snapshots is read, nil for the empty table
	Months lake.Months                                // rows of other months may be missing
	Filled func(name string) bool                     // tables that have their rows; the others are empty
	Memory string                                     // "256MiB"; empty is DuckDB's own limit. Beyond it rows spill to disk
}

// Over runs work on a connection that has the tables.
func (r Reading) Over(ctx context.Context, work func(*duck.Conn) error) error {
	return duck.TemporaryConn(r.Memory, func(conn *duck.Conn) error {
		for name, t := range r.View.Tables {
			if err := r.put(ctx, conn, t); err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
		}
		return work(conn)
	})
}

// put makes a table of the same name, with its rows where they are wanted.
func (r Reading) put(ctx context.Context, conn *duck.Conn, t *lake.Table) error {
	if err := create(ctx, conn, t); err != nil || !r.Filled(t.Name) {
		return err
	}
	s, err := r.At(t)
	if err != nil {
		return err
	}
	return state{r.Lake, t, s, r.Months}.fill(ctx, conn)
}

// quoted is a table's name, namespace.table, in SQL.
func quoted(name string) string {
	ns, own, _ := strings.Cut(name, ".")
	return duck.Identifier(ns) + "." + duck.Identifier(own)
}

// create makes an empty table of the same name and columns, in place of one that is there.
func create(ctx context.Context, conn *duck.Conn, t *lake.Table) error {
	ns, _, _ := strings.Cut(t.Name, ".")
	if err := conn.Exec(ctx, "create schema if not exists "+duck.Identifier(ns)); err != nil {
		return err
	}
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	return rows.CreateEmpty(ctx, conn, quoted(t.Name), schema)
}

// state is a table at a snapshot, nil for the empty table; rows of other months may be left out.
type state struct {
	lake     *lake.Lake
	table    *lake.Table
	snapshot *table.Snapshot
	months   lake.Months
}

// fill puts the rows into the empty table of that name.
func (s state) fill(ctx context.Context, conn *duck.Conn) error {
	files, err := s.lake.Files(ctx, s.table, s.snapshot, s.months)
	if err != nil {
		return err
	}
	_, err = rows.Insert(ctx, conn, s.table.Name, rows.Source{Lake: s.lake, Table: s.table, Files: files})
	return err
}
