package main

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
)

type reconcileCmd struct {
	lakeFlags
	settings.NATS
}

func (*reconcileCmd) Help() string {
	return `The reactor does the same at its start and every few minutes, but for events of the last ten minutes, which may only
be waiting. Publishing them again does no harm; after a restore it is what brings them.

Example:

  reactor reconcile`
}

func (c *reconcileCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		n, err := reconcile.Missing(ctx, client, c.Bucket, l, publisher(js), reconcile.NewRun(time.Now()), time.Now())
		if err != nil {
			return err
		}
		return out.Table([]string{"missed"}, [][]any{{n}})
	})
}
