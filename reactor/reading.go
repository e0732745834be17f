package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// reading is the lake at one instant, as tables of a database that sees nothing else.
type reading struct {
	lake   *lake.Lake
	view   *lake.View
	at     func(*lake.Table) (*table.Snapshot, error) // which of a table's snapshots is read, nil for the empty table
	months lake.Months                                // rows of other months may be missing
	filled func(name string) bool                     // tables that have their rows; the others are empty
}

// over runs work on a connection that has the tables.
func (r reading) over(ctx context.Context, work func(*duck.Conn) error) error {
	scratch, err := os.MkdirTemp("", "millrace-query-")
	if err != nil {
		return fmt.Errorf("make a folder for rows that do not fit memory: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }() // what stays is in the system's temporary folder
	db, err := duck.Open(duck.Config{Locked: true, TempDir: scratch})
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	for name, t := range r.view.Tables {
		if err := r.create(ctx, conn, t); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return work(conn)
}

// create makes a table of the same name, with its rows where they are wanted.
func (r reading) create(ctx context.Context, conn *duck.Conn, t *lake.Table) error {
	ns, own, _ := strings.Cut(t.Name, ".")
	if err := conn.Exec(ctx, "create schema if not exists "+duck.Identifier(ns)); err != nil {
		return err
	}
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
	if err != nil {
		return err
	}
	if err := createEmpty(ctx, conn, duck.Identifier(ns)+"."+duck.Identifier(own), schema); err != nil {
		return err
	}
	if !r.filled(t.Name) {
		return nil
	}
	s, err := r.at(t)
	if err != nil {
		return err
	}
	return r.fill(ctx, conn, t, s)
}

func createEmpty(ctx context.Context, conn *duck.Conn, name string, schema *arrow.Schema) error {
	empty, err := array.NewRecordReader(schema, nil)
	if err != nil {
		return err
	}
	defer empty.Release()
	release, err := conn.Register("columns_of_a_table", empty)
	if err != nil {
		return err
	}
	defer release()
	return conn.Exec(ctx, "create or replace table "+name+" as from columns_of_a_table")
}

// fill reads a snapshot's rows into the table of the same name.
func (r reading) fill(ctx context.Context, conn *duck.Conn, t *lake.Table, s *table.Snapshot) error {
	files, err := r.lake.Files(ctx, t, s, r.months)
	if err != nil || len(files) == 0 {
		return err
	}
	_, batches, err := r.lake.Read(ctx, t, s, files...)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return err
		}
		err = conn.Insert(ctx, t.Name, b.Schema(), b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
