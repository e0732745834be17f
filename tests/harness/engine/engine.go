// Package engine is another engine on a lake's tables: iceberg-go by its own SQL catalog and its own writers, with nothing of the
// reactor's. It changes schemas and writes rows as Spark and PyIceberg do, and needs neither a JVM nor Python.
package engine

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "github.com/mattn/go-sqlite3" // the catalog's database
)

// Name is what the engine calls itself in the summaries of its snapshots.
const Name = "iceberg-go"

// Client writes to the tables of a lake.
type Client struct{ catalog catalog.Catalog }

// Open opens the tables of a lake whose catalog is a SQLite file, with the variables of a role as `stack env` prints them.
func Open(ctx context.Context, file string, vars map[string]string) (*Client, error) {
	c, err := catalog.Load(ctx, vars["MILLRACE_BUCKET"], iceberg.Properties{
		"type": "sql", sql.DriverKey: "sqlite3", sql.DialectKey: string(sql.SQLite), sql.SchemaVersionKey: sql.SchemaVersionV1,
		"uri":       "file:" + (&url.URL{Path: file}).EscapedPath() + "?_journal_mode=WAL&_busy_timeout=10000",
		"warehouse": "s3://" + vars["MILLRACE_BUCKET"],
		"endpoint":  vars["MILLRACE_S3_ENDPOINT"], "access-key": vars["MILLRACE_S3_ACCESS_KEY"], "secret-key": vars["MILLRACE_S3_SECRET_KEY"], "region": vars["MILLRACE_S3_REGION"],
	})
	if err != nil {
		return nil, fmt.Errorf("open the catalog %s as another engine: %w", file, err)
	}
	return &Client{c}, nil
}

// change commits a transaction on a table, and starts again from a fresh read as often as another writer comes first.
func (e *Client) change(ctx context.Context, name string, do func(*table.Table, *table.Transaction) error) error {
	const tries = 50
	for n := 1; ; n++ {
		t, err := e.catalog.LoadTable(ctx, strings.Split(name, "."))
		if err != nil {
			return fmt.Errorf("load %s as another engine: %w", name, err)
		}
		tx := t.NewTransaction()
		if err := do(t, tx); err != nil {
			return fmt.Errorf("change %s as another engine: %w", name, err)
		}
		if _, err = tx.Commit(ctx); err == nil {
			return nil
		}
		if n == tries || ctx.Err() != nil {
			return fmt.Errorf("commit to %s as another engine, try %d: %w", name, n, err)
		}
	}
}

var summary = iceberg.Properties{"engine-name": Name}

// AddColumn adds a column of text.
func (e *Client) AddColumn(ctx context.Context, name, column string) error {
	return e.change(ctx, name, func(_ *table.Table, tx *table.Transaction) error {
		return tx.UpdateSchema(true, false).AddColumn([]string{column}, iceberg.PrimitiveTypes.String, "", false, nil).Commit()
	})
}

// MoveFirst moves a column to the front.
func (e *Client) MoveFirst(ctx context.Context, name, column string) error {
	return e.change(ctx, name, func(_ *table.Table, tx *table.Transaction) error {
		return tx.UpdateSchema(true, false).MoveFirst([]string{column}).Commit()
	})
}

// Delete deletes the rows whose column of text has a value.
func (e *Client) Delete(ctx context.Context, name, column, value string) error {
	return e.change(ctx, name, func(_ *table.Table, tx *table.Transaction) error {
		return tx.Delete(ctx, iceberg.EqualTo(iceberg.Reference(column), value), summary)
	})
}

// Append appends a row, given as JSON; columns that it does not name are null.
func (e *Client) Append(ctx context.Context, name, row string) error {
	return e.change(ctx, name, func(t *table.Table, tx *table.Transaction) error {
		schema, err := table.SchemaToArrowSchema(t.Schema(), nil, true, false)
		if err != nil {
			return err
		}
		batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+row+"]"))
		if err != nil {
			return err
		}
		defer batch.Release()
		rows, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
		if err != nil {
			return err
		}
		defer rows.Release()
		return tx.Append(ctx, rows, summary)
	})
}

// Expire drops all snapshots of a table but the last.
func (e *Client) Expire(ctx context.Context, name string) error {
	return e.change(ctx, name, func(_ *table.Table, tx *table.Transaction) error {
		return tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0), table.WithPostCommit(false))
	})
}

// Drop takes a table out of the catalog and leaves its files.
func (e *Client) Drop(ctx context.Context, name string) error {
	return e.catalog.DropTable(ctx, strings.Split(name, "."))
}

// Rename gives a table another name.
func (e *Client) Rename(ctx context.Context, name, to string) error {
	_, err := e.catalog.RenameTable(ctx, strings.Split(name, "."), strings.Split(to, "."))
	return err
}

// Create makes a table in a namespace of its own.
func (e *Client) Create(ctx context.Context, name string) error {
	id := strings.Split(name, ".")
	if err := e.catalog.CreateNamespace(ctx, id[:1], nil); err != nil {
		return err
	}
	_, err := e.catalog.CreateTable(ctx, id, iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "a", Type: iceberg.PrimitiveTypes.String}))
	return err
}
