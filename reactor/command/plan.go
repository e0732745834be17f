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
	return `A dry run of the reactor's start, by the same code, with the datasets and models that this program and --models have. It changes nothing.

  create      a table that is not there yet
  make anew   a table that somebody dropped or renamed; or all of them, when the catalog is older than the lake
  add column  a column that a dataset has got; null in old rows until their objects are replayed
  promote     objects in bronze that the ledger does not know: the reconciler publishes their events
  rebuild     a table of gold whose model is new or has changed: all of its days are computed
  compute     days of a table of gold that follow from a change above it
  forget      a table whose model is gone: it stays as it is, and nothing keeps it up

rows are those of the files that hold the days now. What promote brings is not foreseen: it moves gold once it is in silver.

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
