package command

import (
	"context"
	"log/slog"

	"millrace/infra/cli"
	"millrace/reactor/preview"
)

type planCmd struct {
	lakeFlags
	modelFlags
	Memory string `default:"256MiB" help:"Memory to compare snapshots of silver in; beyond it rows spill to disk."`
}

func (*planCmd) Help() string {
	return `Shows what a start of the reactor would do with this program's datasets and models and those of --models. It uses the code of the start and
changes nothing.

  create      a table that does not exist yet
  make anew   a table that somebody dropped or renamed, or all tables if the catalog is older than the lake
  add column  a new column of a dataset; it is null in old rows until their objects are replayed
  rename column, widen column
              a column whose definition has another name or a type that holds more: its values stay, and no file is rewritten
  change partition
              new files are divided otherwise; those that are there stay as they are
  read again  objects whose dataset has another definition than the one that read them: rows that they do not give any more go
  refuse      what a start refuses, and what to do: a dataset with another key
  promote     objects in bronze that the ledger does not know: the reconciler publishes their events
  rebuild     a gold table whose model is new or has changed: all of its days are computed
  compute     days of a gold table that depend on a change
  forget      a table whose model is gone: it stays as it is, and nothing updates it

Column rows counts the rows in the files that hold these days now. The plan does not foresee what the objects to promote change in gold.

Example:

  reactor plan --models ./models`
}

func (c *planCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		start := preview.Start{Lake: l.Lake, Bucket: l.Bucket, Models: set, Memory: c.Memory, Show: bars(out)}
		actions, err := start.Actions(ctx)
		if err != nil {
			return err
		}
		if len(actions) == 0 {
			slog.Info("a start would change nothing")
		}
		var lines [][]any
		for _, a := range actions {
			lines = append(lines, []any{a.Action, a.Table, a.Objects, a.Rows, a.Days, a.From, a.To, a.Why})
		}
		return out.Table([]string{"action", "table", "objects", "rows", "days", "from", "to", "why"}, lines)
	})
}
