package main

import (
	"context"
	"iter"
	"strings"
	"time"

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
	Snapshot map[string]string `placeholder:"TABLE=SNAPSHOT" help:"Read a table at this snapshot: its number, a tag, or a time."`
}

func (*queryCmd) Help() string {
	return `The query sees the tables and nothing else: no files, no network.

Examples:

  reactor query "select asset_id, rank, dominance_pct from gold.rankings where day = current_date order by rank"
  reactor query --as-of 2026-01-31T12:00:00Z "select count(*) from silver.asset_prices"`
}

func (c *queryCmd) Run(ctx context.Context, out *cli.Output) error {
	at, err := c.at()
	if err != nil {
		return err
	}
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		view, err := l.View(ctx)
		if err != nil {
			return err
		}
		for name := range c.Snapshot {
			if _, err := view.Table(name); err != nil {
				return err
			}
		}
		r := reading{lake: l, view: view, at: at, months: lake.AllMonths, filled: func(name string) bool { return mentions(c.SQL, name) }}
		return r.over(ctx, func(conn *duck.Conn) error {
			rows, err := conn.Ask(ctx, c.SQL)
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

// at gives the snapshot of each table that the query is to see.
func (c *queryCmd) at() (func(*lake.Table) (*table.Snapshot, error), error) {
	asOf, err := parseTime(c.AsOf)
	if err != nil {
		return nil, err
	}
	return func(t *lake.Table) (*table.Snapshot, error) {
		if name, ok := c.Snapshot[t.Name]; ok {
			return t.Find(name)
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
	if t, ok := lake.ParseTime(text); ok {
		return t, nil
	}
	return time.Time{}, cli.Usage("--as-of %q: a time is written 2026-01-31T12:00:00Z, a day 2026-01-31", text)
}

// mentions tells whether a query may read a table, namespace.table. A name in a comment or a text makes rows be read in vain,
// no more.
func mentions(sql, name string) bool {
	_, own, _ := strings.Cut(name, ".")
	return strings.Contains(strings.ToLower(sql), strings.ToLower(own))
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
