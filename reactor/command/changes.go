package command

import (
	"context"
	"iter"
	"log/slog"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

type changesCmd struct {
	lakeFlags
	Table  string `arg:"" help:"Table, such as gold.rankings."`
	From   string `required:"" placeholder:"NUMBER|TAG|TIME" help:"Snapshot to begin with: its number (0 is the empty table), a tag, or a time."`
	To     string `placeholder:"NUMBER|TAG|TIME" help:"Snapshot to end with (default: the current one)."`
	Memory string `default:"256MiB" help:"Memory for the comparison; beyond it rows spill to disk."`
}

func (*changesCmd) Help() string {
	return `Prints the rows that differ between two snapshots, sorted by the table's key. The column change says inserted, deleted or updated. An
updated row has its new values, and the column old has the former values of the columns that changed. Only files that the two
snapshots do not share are read. Either snapshot may be the earlier one.

Examples:

  reactor changes gold.rankings --from day-2026-01-30
  reactor changes silver.asset_prices --from 0 --to 2026-01-31T12:00:00Z --output json`
}

func (c *changesCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		t, err := l.table(ctx, c.Table)
		if err != nil {
			return err
		}
		from, err := t.Find(ctx, c.From)
		if err != nil {
			return err
		}
		to, err := t.Find(ctx, c.To)
		if err != nil {
			return err
		}
		d := query.Difference{Lake: l.Lake, Table: t, From: from, To: to, Show: bars(out)}
		return duck.TemporaryConn(c.Memory, func(conn *duck.Conn) error {
			return d.Each(ctx, conn, func(changes iter.Seq2[query.Change, error]) error { return printChanges(out, d, changes) })
		})
	})
}

// printChanges prints a line for each row that differs, and logs how many there were.
func printChanges(out *cli.Output, d query.Difference, changes iter.Seq2[query.Change, error]) error {
	counts := map[string]int{}
	headers := append(append([]string{"change"}, d.Columns()...), "old")
	err := out.Rows(headers, func(yield func([]any, error) bool) {
		for c, err := range changes {
			if err != nil {
				yield(nil, err)
				return
			}
			counts[c.How]++
			line := append([]any{c.How}, c.Row...)
			if c.Old == nil {
				line = append(line, nil)
			} else {
				line = append(line, c.Old)
			}
			if !yield(line, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	slog.Info("changes of "+d.Table.Name, "from", lake.IDOf(d.From), "to", lake.IDOf(d.To), "inserted", counts[query.Inserted], "deleted", counts[query.Deleted], "updated", counts[query.Updated])
	return nil
}
