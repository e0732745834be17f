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
			if err := r.create(ctx, conn, t); err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
		}
		return work(conn)
	})
}

// create makes a table of the same name, with its rows where they are wanted.
func (r Reading) create(ctx context.Context, conn *duck.Conn, t *lake.Table) error {
	ns, own, _ := strings.Cut(t.Name, ".")
	if err := conn.Exec(ctx, "create schema if not exists "+duck.Identifier(ns)); err != nil {
		return err
	}
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	if err := rows.CreateEmpty(ctx, conn, duck.Identifier(ns)+"."+duck.Identifier(own), schema); err != nil {
		return err
	}
	if !r.Filled(t.Name) {
		return nil
	}
	s, err := r.At(t)
	if err != nil {
		return err
	}
	files, err := r.Lake.Files(ctx, t, s, r.Months)
	if err != nil {
		return err
	}
	_, err = rows.Insert(ctx, conn, t.Name, rows.Source{Lake: r.Lake, Table: t, Files: files})
	return err
}
