package command

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/backup"
	"millrace/reactor/stream"
)

type restoreCmd struct {
	lakeFlags
	settings.NATS
	Dir        string `arg:"" type:"existingdir" help:"Folder that reactor backup made."`
	Offline    bool   `help:"NATS does not run, so nobody can be asked whether a reactor does: you know that none does."`
	AcceptLoss bool   `name:"accept-loss" help:"Make tables anew from bronze although bronze lacks objects that they were made of."`
}

func (*restoreCmd) Help() string {
	return `Replaces the catalog with a backup. The old catalog is kept beside it as catalog.db.before-restore-<time>. If the bucket must be restored
too, do that first. No reactor may run (stack up --no-reactor): restore asks NATS whether one is waiting for events.

The bucket may be older or newer than the backup. restore finds the differences and heals them:
  behind    the bucket has later commits than the catalog: the table goes on from the backup's commit, and the reactor's start brings the
            objects that came since
  rebuild   the bucket lacks files that the catalog names: the reactor's start rebuilds all tables from bronze
It refuses a rebuild if bronze lacks objects that the table was made of (see --accept-loss).

Example:

  reactor restore backups/2026-01-31`
}

func (c *restoreCmd) Run(ctx context.Context, out *cli.Output) error {
	file, err := c.sqliteFile()
	if err != nil {
		return err
	}
	return c.withNewLake(ctx, func(l opened) error {
		m, err := backup.Read(c.Dir, l.Bucket)
		if err != nil {
			return err
		}
		if err := c.alone(ctx); err != nil {
			return err
		}
		r := backup.Restoration{Lake: l.Lake, Bucket: l.Bucket, Catalog: file, AcceptLoss: c.AcceptLoss, Show: bars(out)}
		restored, former, err := r.From(ctx, c.Dir)
		if err != nil {
			return err
		}
		slog.Info("the catalog is restored; start the reactor, then `reactor reconcile` for the objects of the last minutes, and `reactor check`", "made_at", m.MadeAt, "former", former)
		var rows [][]any
		for _, t := range restored {
			rows = append(rows, []any{t.Table, t.State, deref(t.Snapshot), orNil(t.Detail)})
		}
		return out.Table([]string{"table", "state", "snapshot", "detail"}, rows)
	})
}

// alone makes sure that no reactor is at work.
func (c *restoreCmd) alone(ctx context.Context) error {
	if c.Offline {
		return nil
	}
	connected := false
	err := withEvents(ctx, c.NATS, func(js jetstream.JetStream) error {
		connected = true
		return stream.Alone(ctx, js)
	})
	if err != nil && !connected {
		return fmt.Errorf("whether a reactor runs only NATS can tell (--offline when it does not run): %w", err)
	}
	return err
}
