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
	return `Copies the catalog (pointers, ledger, pins) as it is at one instant, and writes a manifest beside it. The lake may be in use. It does not
copy objects: mirror the bucket with another tool, bronze/ at least, because everything else can be rebuilt from it.

Make this backup first and copy the bucket second. Then the copied bucket has all files that the copied catalog names, except files that
expired in between; restore detects those. In the other order the catalog may name files that the bucket's copy lacks.

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
