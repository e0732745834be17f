package command

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/apache/iceberg-go/table"

	"millrace/infra/cli"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
)

type rollbackCmd struct {
	lakeFlags
	Table string `arg:"" help:"Table, such as silver.asset_prices."`
	To    string `required:"" placeholder:"NUMBER|TAG|TIME" help:"Snapshot to go back to: its number, a tag, or a time."`
}

func (*rollbackCmd) Help() string {
	return `One commit makes an earlier snapshot the current one. The later ones stay until they expire, so a rollback can itself be rolled back.

A rollback is temporary, because silver and gold are what bronze gives. Use it while you mend what wrote wrong rows.
  A silver table stays rolled back, and gold follows it at once. A replay of their objects brings the removed rows back. The reconciler does
  not, because the ledger knows their events. Rows of object versions that were deleted since leave again at the reactor's next step.
  A gold table, and the tables that read it, are recomputed when silver changes next, at the reactor's next start, or by a replay.
Until then reactor check says that the table differs from what bronze gives.

Examples:

  reactor rollback silver.asset_prices --to day-2026-01-30
  reactor rollback gold.rankings --to 2026-01-31T12:00:00Z`
}

func (c *rollbackCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		var from, to *table.Snapshot
		t, err := l.OnTable(ctx, c.Table, func(t *lake.Table) (err error) {
			from = t.Snapshot()
			if to, err = t.FindThere(ctx, c.To); err != nil {
				return err
			}
			return promote.Rollback(ctx, l.Lake, t, to)
		})
		if err != nil {
			return err
		}
		before, err := l.Rows(ctx, t, from)
		if err != nil {
			return err
		}
		now, err := l.Rows(ctx, t, to)
		if err != nil {
			return err
		}
		if err := out.Table([]string{"table", "from", "to", "rows_before", "rows_now"}, [][]any{{c.Table, lake.IDOf(from), to.SnapshotID, before, now}}); err != nil {
			return err
		}
		if lake.IDOf(from) == to.SnapshotID {
			slog.Info(c.Table + " was at that snapshot already")
			return nil
		}
		slog.Info(promote.AfterRollback(t, to), "undo", fmt.Sprintf("reactor rollback %s --to %d", c.Table, lake.IDOf(from)))
		return nil
	})
}
