package command

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/reconcile"
	"millrace/reactor/service"
)

type reconcileCmd struct {
	lakeFlags
	settings.NATS
}

func (*reconcileCmd) Help() string {
	return "Looks at all of bronze. `reactor run` does the same at its start and once a day, and for the newest days every few minutes.\n\n" +
		"Columns: missed is how many events were published; of them unannounced are those that never came, forgotten those that were worked on before the ledger was replaced. Waiting are objects whose events may still be worked on.\n\nExample:\n\n  reactor reconcile"
}

func (c *reconcileCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error {
			bar := out.Progress(-1, "listing")
			defer bar.Done()
			found, err := service.NewReconciler(l.Lake, l.Bucket, js).Pass(ctx, bar.Add, "")
			bar.Done()
			if err != nil {
				return err
			}
			return out.Table([]string{"objects", "missed", "unannounced", "forgotten", "ledger_empty", "waiting"}, [][]any{{
				found.Objects, found.Total(), found.Missed[reconcile.Unannounced], found.Missed[reconcile.Forgotten], found.Missed[reconcile.NewLedger], found.Waiting,
			}})
		})
	})
}
