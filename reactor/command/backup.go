package command

import (
	"context"
	"log/slog"

	"millrace/infra/cli"
	"millrace/reactor/backup"
)

type backupCmd struct {
	lakeFlags
	Dir string `arg:"" type:"path" help:"New folder for the backup."`
}

func (*backupCmd) Help() string {
	return `Copies the catalog (pointers, ledger, pins) as it is at one instant, while the lake is in use, and writes a manifest beside it. The
objects are not copied: mirror the bucket with a tool for that, bronze/ at least, from which everything else can be made again.

Order: first this backup, then the bucket. What the copied catalog names is then in the copied bucket, but for files that expired in
between; restore finds that out. The other way round, the catalog may name what the bucket's copy does not have.

Example:

  reactor backup backups/2026-01-31`
}

func (c *backupCmd) Run(ctx context.Context, out *cli.Output) error {
	if _, err := c.sqliteFile(); err != nil {
		return err
	}
	return c.withLake(ctx, func(l opened) error {
		m, err := backup.Make(ctx, l.Lake, l.Bucket, c.Dir)
		if err != nil {
			return err
		}
		slog.Info("the catalog is backed up; now copy the bucket", "bucket", c.Bucket)
		return out.Table([]string{"backup", "made_at", "tables", "ledger"}, [][]any{{c.Dir, m.MadeAt, len(m.Tables), m.Ledger}})
	})
}
