// Package catalog reads a lake's catalog as a bystander: ledger, pins and pointers as they stand in the database, without
// anything of the reactor's. It is the only place in the tests that knows the catalog's tables.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the catalog's database is this one
	_ "github.com/mattn/go-sqlite3"    // or that one
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// Catalog is the database of a lake's catalog, opened for reading.
type Catalog struct{ db *bun.DB }

// Open opens the catalog in a SQLite file, or at an address that begins with postgres://. Nothing is read yet; a file that is not there
// shows at the first question.
func Open(at string) (*Catalog, error) {
	db, err := open(at, "mode=ro&_busy_timeout=10000")
	if err != nil {
		return nil, err
	}
	return &Catalog{db}, nil
}

// open opens the database. options are SQLite's. bun writes arguments for either database.
func open(at, options string) (*bun.DB, error) {
	if strings.HasPrefix(at, "postgres://") {
		db, err := sql.Open("pgx", at)
		if err != nil {
			return nil, fmt.Errorf("open the catalog in PostgreSQL: %w", err)
		}
		return bun.NewDB(db, pgdialect.New()), nil
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: at}).EscapedPath()+"?"+options)
	if err != nil {
		return nil, fmt.Errorf("open the catalog %s: %w", at, err)
	}
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// Close closes the database.
func (c *Catalog) Close() error { return c.db.Close() }

// Look asks the catalog one question. It opens it anew, because a test may have put another in its place.
func Look[T any](ctx context.Context, at string, question func(*Catalog, context.Context) (T, error)) (answer T, err error) {
	c, err := Open(at)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return question(c, ctx)
}

// each reads all rows of a query. what says what they tell, for the error.
func (c *Catalog) each(ctx context.Context, what, query string, read func(*sql.Rows) error, args ...any) error {
	rows, err := c.db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read the %s: %w", what, err)
	}
	for rows.Next() {
		if err := read(rows); err != nil {
			return errors.Join(fmt.Errorf("read the %s: %w", what, err), rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read the %s: %w", what, err)
	}
	return nil
}

// Pointers reads where the metadata of each table lies.
func (c *Catalog) Pointers(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	err := c.each(ctx, "pointers", `SELECT table_namespace || '.' || table_name, metadata_location FROM iceberg_tables`, func(rows *sql.Rows) error {
		var table, location string
		err := rows.Scan(&table, &location)
		all[table] = location
		return err
	})
	return all, err
}

// Step reads the number of gold's last step, 0 when there was none.
func (c *Catalog) Step(ctx context.Context) (n int, err error) {
	if err := c.db.QueryRowContext(ctx, `SELECT coalesce(max(step), 0) FROM millrace_pins`).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the pins: %w", err)
	}
	return n, nil
}

// GoldBehind counts the silver tables that have entries in the ledger that gold does not cover yet.
func (c *Catalog) GoldBehind(ctx context.Context) (n int, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT table_name, max(sequence_number) AS s FROM millrace_ledger WHERE outcome = 'done' GROUP BY 1) AS l
		WHERE s > coalesce((SELECT max(sequence_number) FROM millrace_pins AS p WHERE p.table_name = 'silver.' || l.table_name), 0)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the pins: %w", err)
	}
	return n, nil
}
