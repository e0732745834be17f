package command

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/reactor/announce"
	"millrace/reactor/retract"
)

type retractCmd struct {
	lakeFlags
	modelFlags
	settings.NATS
	Key     string        `arg:"" help:"Object in bronze."`
	Version string        `placeholder:"ID" help:"Version to delete (default: all of them)."`
	Timeout time.Duration `default:"5m" help:"How long to wait until no table shows its rows; the rows leave the tables all the same."`
}

func (*retractCmd) Help() string {
	return `Deletes an object's versions from bronze for good, and waits until their rows have left silver and gold. For each of their keys the row of
the newest remaining object comes back. The command needs the owner's credentials and a running reactor.

Earlier snapshots still have the rows, for time travel; the command names them. The last 30 snapshots of a table stay until newer ones
replace them, and a tagged snapshot stays until its tag is dropped (reactor tag TABLE TAG --drop). Then reactor maintain expires them
and removes files that no snapshot names.

Examples:

  reactor retract bronze/coincap/assets/ingest_date=2026-01-31/x.json
  reactor retract bronze/coincap/history        # an object that hides all of bronze/coincap/history/ from listings`
}

func (c *retractCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error {
			r := retract.Retraction{Lake: l.Lake, Bucket: l.Bucket, To: announce.To(js)}
			all, err := r.Delete(ctx, c.Key, c.Version)
			if err != nil {
				return err
			}
			waiting, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("not after %v; does a reactor run?", c.Timeout))
			defer cancel()
			if err := r.Await(waiting, all); err != nil {
				return err
			}
			if original, _ := bronze.OriginalOf(c.Key); original.Link() {
				slog.Info("it was a link: its original stays", "original", original.Key, "version", original.Version)
			}
			if err := c.tellFormers(ctx, r, all); err != nil {
				return err
			}
			var rows [][]any
			for _, v := range all {
				rows = append(rows, []any{v.Key, v.Version, v.PutAt, orNil(v.Table), orNil(v.Outcome)})
			}
			return out.Table([]string{"key", "version", "put_at", "table", "was"}, rows)
		})
	})
}

// tellFormers says in one line which tables' former snapshots may still have the rows.
func (c *retractCmd) tellFormers(ctx context.Context, r retract.Retraction, all []retract.Retracted) error {
	models, err := c.load(ctx)
	if err != nil { // the object is deleted all the same
		slog.Warn("the models cannot be read, so every table of gold counts", "error", err)
	}
	formers, err := r.Formers(ctx, all, models)
	if err != nil || len(formers) == 0 {
		return err
	}
	var texts []string
	for _, f := range formers {
		texts = append(texts, f.String())
	}
	slog.Info("former snapshots may still have the rows, until they expire", "snapshots", strings.Join(texts, ", "))
	return nil
}
