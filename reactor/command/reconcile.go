package command

import (
	"context"
	"errors"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/reconcile"
	"millrace/reactor/service"
)

// named is how many objects a command names of those that have the same fault.
const named = 20

// errHidden makes the exit code 1.
var errHidden = errors.New("the listing of bronze lacks objects that are there")

type reconcileCmd struct {
	lakeFlags
	settings.NATS
}

func (*reconcileCmd) Help() string {
	return "Looks at all of bronze. `reactor run` does the same at its start and once a day, and for the newest days every few minutes.\n\n" +
		"Columns: missed is how many events were published; of them unannounced are those that never came, forgotten those that were worked on before the ledger was replaced. Waiting are objects whose events may still be worked on. Removed are versions that were deleted from bronze while their rows are still there: their rows are taken out. Hidden are objects that are there and that no listing shows; exit code 1.\n\nExample:\n\n  reactor reconcile"
}

func (c *reconcileCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error {
			bar := out.Progress(-1, "listing")
			defer bar.Done()
			found, err := service.NewReconciler(l.Lake, l.Bucket, js).Whole(ctx, bar.Add, l.Lake, l.Bucket)
			bar.Done()
			if err != nil {
				return err
			}
			for _, a := range found.Hidden[:min(len(found.Hidden), named)] {
				slog.Error("the listing of bronze lacks an object: "+a.Advice(), "key", a.SourceKey, "version", a.SourceVersion)
			}
			err = out.Table([]string{"objects", "missed", "unannounced", "forgotten", "ledger_empty", "waiting", "removed", "hidden"}, [][]any{{
				found.Objects, found.Total(), found.Missed[reconcile.Unannounced], found.Missed[reconcile.Forgotten], found.Missed[reconcile.NewLedger], found.Waiting,
				found.Removed, len(found.Hidden),
			}})
			if err == nil && len(found.Hidden) > 0 {
				err = errHidden
			}
			return err
		})
	})
}
