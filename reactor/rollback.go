package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
)

type rollbackCmd struct {
	lakeFlags
	Table string `arg:"" help:"Table, such as silver.asset_prices."`
	To    string `required:"" placeholder:"SNAPSHOT" help:"Snapshot to go back to: its number, a tag, or a time."`
}

func (*rollbackCmd) Help() string {
	return `One commit makes an earlier snapshot the current one. The later ones stay until they expire, so a rollback can itself be rolled back.

Silver and gold are what bronze gives, so a rollback is for a while: it takes a table back while what wrote wrong rows is mended.
  A table of silver stays as it is rolled back, and gold follows it at once. The rows that went come back with a replay of their
  objects; the reconciler leaves them alone, because the ledger knows their events.
  A table of gold is computed anew, with all below it, when silver changes next, at the reactor's next start, or by a replay.
Until then reactor check says that the table is not what bronze gives.

Examples:

  reactor rollback silver.asset_prices --to day-2026-01-30
  reactor rollback gold.rankings --to 2026-01-31T12:00:00Z`
}

func (c *rollbackCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		var from, to *table.Snapshot
		_, err := onTable(ctx, l, c.Table, func(t *lake.Table) (err error) {
			from = t.Snapshot()
			if to, err = snapshotOf(t, c.To); err != nil {
				return err
			}
			return promote.Rollback(ctx, l, t, to)
		})
		if err != nil {
			return err
		}
		if err := out.Table([]string{"table", "from", "to", "rows_before", "rows_now"}, [][]any{
			{c.Table, snapshotID(from), to.SnapshotID, total(from, "total-records"), total(to, "total-records")},
		}); err != nil {
			return err
		}
		if snapshotID(from) == to.SnapshotID {
			slog.Info(c.Table + " was at that snapshot already")
			return nil
		}
		slog.Info(afterRollback(c.Table), "undo", fmt.Sprintf("reactor rollback %s --to %d", c.Table, snapshotID(from)))
		return nil
	})
}

// afterRollback says what becomes of a table that was rolled back.
func afterRollback(name string) string {
	if strings.HasPrefix(name, "gold.") {
		return name + " is rolled back until gold is computed next (a change of silver, a start of the reactor, or `reactor replay`): then it is made anew from silver"
	}
	return name + " is rolled back and gold follows it; `reactor replay` brings the rows of bronze back, and until then `reactor check` says what is missing"
}

// snapshotOf finds a snapshot that has to be one: the empty table can be read, and neither named nor gone back to.
func snapshotOf(t *lake.Table, name string) (*table.Snapshot, error) {
	s, err := t.Find(name)
	if err == nil && s == nil {
		err = fmt.Errorf("%s had no snapshot then: `reactor snapshots %s` lists those it has", t.Name, t.Name)
	}
	return s, err
}

// commitAttempts is how often a change of names is tried against other commits.
const commitAttempts = 50

// withoutConflict does work again for as long as other commits come first.
func withoutConflict(ctx context.Context, work func() error) error {
	for attempt := 1; ; attempt++ {
		err := work()
		if !errors.Is(err, lake.ErrConflict) || attempt == commitAttempts {
			return err
		}
		if err := sleep(ctx); err != nil {
			return err
		}
	}
}

// onTable works on a table as it is now, again when another commit came first, and returns the table after that.
func onTable(ctx context.Context, l *lake.Lake, name string, work func(*lake.Table) error) (*lake.Table, error) {
	now := func() (*lake.Table, error) {
		view, err := l.View(ctx)
		if err != nil {
			return nil, err
		}
		return view.Table(name)
	}
	err := withoutConflict(ctx, func() error {
		t, err := now()
		if err != nil {
			return err
		}
		return work(t)
	})
	if err != nil {
		return nil, err
	}
	return now()
}
