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

// errHidden makes the exit code 1.
var errHidden = errors.New("the listing of bronze lacks objects that are there")

type reconcileCmd struct {
	lakeFlags
	settings.NATS
}

func (*reconcileCmd) Help() string {
	return "Compares all of bronze with the ledger. `reactor run` does the same at its start and once a day, and for the newest days every few minutes.\n\n" +
		"Columns:\n  missed        events that were published\n  unannounced   of these: no event ever came\n  forgotten     of these: the event was handled, but the ledger was replaced since\n  ledger_empty  of these: the ledger had no entries\n  waiting       objects whose events may be on their way\n  removed       versions that were deleted from bronze; their rows leave the tables\n  hidden        objects that exist and that no listing shows; the exit code is 1 then\n  outdated      objects that an earlier definition of their dataset read; they are read again\n\nExample:\n\n  reactor reconcile"
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
			for _, line := range reconcile.Report(found.Hidden) {
				slog.Error("the listing of bronze lacks objects: " + line)
			}
			err = out.Table([]string{"objects", "missed", "unannounced", "forgotten", "ledger_empty", "waiting", "removed", "hidden", "outdated"}, [][]any{{
				found.Objects, found.Total(), found.Missed[reconcile.Unannounced], found.Missed[reconcile.Forgotten], found.Missed[reconcile.NewLedger], found.Waiting,
				found.Removed, len(found.Hidden), found.Outdated,
			}})
			if err == nil && len(found.Hidden) > 0 {
				err = errHidden
			}
			return err
		})
	})
}
