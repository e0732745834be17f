package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"
	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

type queryCmd struct {
	lakeFlags
	SQL      string            `arg:"" help:"One query over silver.* and gold.*, in DuckDB's SQL."`
	AsOf     string            `name:"as-of" placeholder:"TIME" help:"Read every table as it was then: 2026-01-31T12:00:00Z, or a day for its beginning."`
	Snapshot map[string]string `placeholder:"TABLE=ID" help:"Read a table at this snapshot, as reactor snapshots lists them."`
}

func (*queryCmd) Help() string {
	return `The query sees the tables and nothing else: no files, no network.

Examples:

  reactor query "select asset_id, rank, dominance_pct from gold.rankings where day = current_date order by rank"
  reactor query --as-of 2026-01-31T12:00:00Z "select count(*) from silver.asset_prices"`
}

func (c *queryCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		return c.over(ctx, l, func(conn *duck.Conn) error {
			rows, err := conn.Query(ctx, c.SQL)
			if err != nil {
				return err
			}
			defer rows.Close()
			var headers []string
			for _, f := range rows.Schema().Fields() {
				headers = append(headers, f.Name)
			}
			return out.Rows(headers, cells(rows))
		})
	})
}

// over runs work on a connection that has the tables which the command's SQL names.
func (c *queryCmd) over(ctx context.Context, l *lake.Lake, work func(*duck.Conn) error) error {
	at, err := c.at()
	if err != nil {
		return err
	}
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
	if err := c.load(ctx, l, conn, at); err != nil {
		return err
	}
	return work(conn)
}

// at gives the snapshot of each table that the query is to see.
func (c *queryCmd) at() (func(*lake.Table) (*table.Snapshot, error), error) {
	ids := map[string]int64{}
	for name, text := range c.Snapshot {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, cli.Usage("--snapshot %s=%s: a snapshot is a number, as `reactor snapshots %s` lists them", name, text, name)
		}
		ids[name] = id
	}
	asOf, err := parseTime(c.AsOf)
	if err != nil {
		return nil, err
	}
	return func(t *lake.Table) (*table.Snapshot, error) {
		if id, ok := ids[t.Name]; ok {
			return t.SnapshotByID(id)
		}
		if asOf.IsZero() {
			return t.Snapshot(), nil
		}
		return t.SnapshotAsOf(asOf)
	}, nil
}

// parseTime reads a moment, or a day for its beginning in UTC; "" is the zero time.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, cli.Usage("--as-of %q: a time is written 2026-01-31T12:00:00Z, a day 2026-01-31", text)
}

// load makes the tables of the lake: with their rows when the query names them, empty otherwise.
func (c *queryCmd) load(ctx context.Context, l *lake.Lake, conn *duck.Conn, at func(*lake.Table) (*table.Snapshot, error)) error {
	v, err := l.View(ctx)
	if err != nil {
		return err
	}
	for name := range c.Snapshot {
		if _, err := v.Table(name); err != nil {
			return err
		}
	}
	for name, t := range v.Tables {
		ns, own, _ := strings.Cut(name, ".")
		if err := conn.Exec(ctx, "create schema if not exists "+duck.Identifier(ns)); err != nil {
			return err
		}
		schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, false, false)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if err := createEmpty(ctx, conn, duck.Identifier(ns)+"."+duck.Identifier(own), schema); err != nil {
			return err
		}
		if !mentions(c.SQL, own) {
			continue
		}
		s, err := at(t)
		if err != nil {
			return err
		}
		if err := fill(ctx, l, conn, t, s); err != nil {
			return err
		}
	}
	return nil
}

// mentions tells whether a query may read a table. A name in a comment or a text makes rows be read in vain, no more.
func mentions(sql, table string) bool {
	return strings.Contains(strings.ToLower(sql), strings.ToLower(table))
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
	return conn.Exec(ctx, "create table "+name+" as from columns_of_a_table")
}

// fill reads a snapshot's rows into the table of the same name.
func fill(ctx context.Context, l *lake.Lake, conn *duck.Conn, t *lake.Table, s *table.Snapshot) error {
	files, err := l.Files(ctx, t, s, lake.AllMonths)
	if err != nil || len(files) == 0 {
		return err
	}
	_, batches, err := l.Read(ctx, t, s, files...)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return fmt.Errorf("read %s: %w", t.Name, err)
		}
		err = conn.Insert(ctx, t.Name, b.Schema(), b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// cells gives a result's rows as values to print.
func cells(rows *duck.Rows) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for rows.Next() {
			b := rows.RecordBatch()
			for i := range int(b.NumRows()) {
				row := make([]any, b.NumCols())
				for j := range row {
					row[j] = cell(b.Column(j), i)
				}
				if !yield(row, nil) {
					return
				}
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}
