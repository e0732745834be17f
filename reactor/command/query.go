package command

import (
	"context"

	"millrace/infra/cli"
	"millrace/reactor/query"
)

type queryCmd struct {
	lakeFlags
	SQL      string            `arg:"" help:"One query over silver.* and gold.*, in DuckDB's SQL."`
	AsOf     string            `name:"as-of" placeholder:"TIME" help:"Read every table as it was then: 2026-01-31T12:00:00Z, or a day for its beginning."`
	Snapshot map[string]string `placeholder:"TABLE=NUMBER|TAG|TIME" help:"Read a table at this snapshot: its number, a tag, or a time."`
}

func (*queryCmd) Help() string {
	return `The query sees the tables and nothing else: no files, no network.

Examples:

  reactor query "select asset_id, rank, dominance_pct from gold.rankings where day = current_date order by rank"
  reactor query --as-of 2026-01-31T12:00:00Z "select count(*) from silver.asset_prices"`
}

func (c *queryCmd) Run(ctx context.Context, out *cli.Output) error {
	asOf, err := query.ParseTime(c.AsOf)
	if err != nil {
		return cli.Usage("--as-of %w", err)
	}
	return c.withLake(ctx, func(l opened) error {
		return query.Ask(ctx, l.Lake, query.Question{SQL: c.SQL, AsOf: asOf, Snapshots: c.Snapshot}, func(a query.Answer) error {
			return out.Rows(a.Columns, a.Rows)
		})
	})
}
