package command

import (
	"context"
	"errors"
	"fmt"

	"millrace/infra/cli"
	"millrace/reactor/query"
)

type queryCmd struct {
	lakeFlags
	SQL      string            `arg:"" help:"Queries over silver.* and gold.*, in DuckDB's SQL."`
	AsOf     string            `name:"as-of" placeholder:"WHEN" help:"Read every table as it was then: 2026-01-31T12:00:00Z, a day for its beginning, now, yesterday, a tag, a branch of a replay, or a snapshot's number for its time."`
	Snapshot map[string]string `placeholder:"TABLE=NUMBER|TAG|TIME" help:"Read a table at this snapshot: its number, a tag, or a time."`
	File     string            `placeholder:"FILE" help:"Write the result to this file, whole or not at all: .parquet, .csv or .json."`
	Memory   string            `default:"512MiB" placeholder:"SIZE" help:"Memory for rows; beyond it they spill to disk."`
}

func (*queryCmd) Help() string {
	return `The query sees the tables and nothing else: no files, no network. SHOW TABLES, DESCRIBE and SUMMARIZE say what there is. Of several statements each select is printed, in order, as a table; JSON, CSV and a file hold one result. A table of more than 1,000 rows shows the first and the last 500.

Examples:

  reactor query "select asset_id, rank, dominance_pct from gold.rankings where day = current_date order by rank"
  reactor query --as-of 2026-01-31T12:00:00Z "select count(*) from silver.asset_prices"
  reactor query --file prices.parquet "from silver.asset_prices where asset_id = 'bitcoin'"
  reactor query --output json --decimals string "from gold.daily_summary order by day desc limit 1" | jq -r '.[].close'`
}

func (c *queryCmd) Run(ctx context.Context, out *cli.Output) error {
	form, err := fileForm(c.File)
	if err != nil {
		return err
	}
	return c.withLake(ctx, func(l opened) error {
		session, err := query.Open(ctx, query.Config{Lake: l.Lake, AsOf: c.AsOf, Snapshots: c.Snapshot, Memory: c.Memory})
		if errors.Is(err, query.ErrAsOf) {
			return cli.Usage("--as-of %w", err)
		}
		if err != nil {
			return err
		}
		defer session.Close()
		return c.print(ctx, session, form, out)
	})
}

// print prints each result, or writes the one there may be to the file.
func (c *queryCmd) print(ctx context.Context, session *query.Session, form string, out *cli.Output) error {
	n := 0
	for result, err := range session.Run(ctx, c.SQL) {
		if err != nil {
			return err
		}
		switch one := form != "" || out.Format() != "table"; {
		case one && (result.More || n > 0):
			return cli.Usage("the text has several queries, and JSON, CSV and a file hold the result of one: run them one by one, or print them with --output table")
		case form != "":
			err = writeFile(c.File, form, result, out)
		default:
			if n > 0 {
				_, err = fmt.Fprintln(out)
			}
			if err == nil {
				err = out.Rows(result.Columns(), result.Cells())
			}
		}
		if err != nil {
			return err
		}
		n++
	}
	return nil
}
