package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver/datasets"
)

type checkCmd struct {
	lakeFlags
	modelFlags
	limitFlags
	Memory  string        `default:"256MiB" help:"Memory for the comparison; beyond it rows spill to disk."`
	Timeout time.Duration `default:"1m" help:"How long to wait for gold to catch up with silver."`
}

func (*checkCmd) Help() string {
	return "Decodes every object in bronze again, works out the tables from scratch and compares all rows. The lake may be in use. Exit code 1 when anything differs.\n\nExample:\n\n  reactor check"
}

func (c *checkCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		scratch, err := os.MkdirTemp("", "millrace-check-")
		if err != nil {
			return fmt.Errorf("make a folder for rows that do not fit memory: %w", err)
		}
		defer func() { _ = os.RemoveAll(scratch) }() // what stays is in the system's temporary folder
		db, err := duck.Open(duck.Config{MemoryLimit: c.Memory, TempDir: scratch, Locked: true})
		if err != nil {
			return err
		}
		defer db.Close()
		bar := out.Progress(-1, "decoding")
		defer bar.Done()
		check := &promote.Check{Lake: l, Client: client, Datasets: datasets.All(), Models: set, DB: db, Limits: c.limits(), Progress: func(int, int) { bar.Add(1) }}
		report, err := c.run(ctx, l, client, check)
		bar.Done()
		if err != nil {
			return err
		}
		return print(out, report)
	})
}

// run checks an instant at which gold had caught up; under load that takes some looking.
func (c *checkCmd) run(ctx context.Context, l *lake.Lake, client *minio.Client, check *promote.Check) (promote.Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, promote.ErrLag)
	defer cancel()
	var view *lake.View
	for {
		var err error
		if view, err = l.View(ctx); err != nil {
			return promote.Report{}, errors.Join(err, context.Cause(ctx))
		}
		if view.Current() {
			break
		}
		if err := sleep(ctx); err != nil {
			return promote.Report{}, fmt.Errorf("%w and did not catch up within %v; the log of `reactor run` tells more", err, c.Timeout)
		}
	}
	cancel()
	// After the view: everything that the view's ledger knows is in the listing.
	var listed []event.Object
	for o, err := range reconcile.Objects(context.WithoutCancel(ctx), client, c.Bucket, "") {
		if err != nil {
			return promote.Report{}, err
		}
		listed = append(listed, o)
	}
	return check.Run(context.WithoutCancel(ctx), view, listed, time.Now())
}

// errUnequal makes the exit code 1.
var errUnequal = errors.New("the tables are not what bronze gives")

func print(out *cli.Output, r promote.Report) error {
	var rows [][]any
	for _, v := range r.Verdicts {
		rows = append(rows, []any{v.Table, v.Rows, v.Digest, v.Missing, v.Excess, v.Equal()})
	}
	if err := out.Table([]string{"table", "rows", "digest", "missing", "excess", "equal"}, rows); err != nil {
		return err
	}
	for _, o := range r.Unpromoted {
		slog.Error("object was never promoted: `reactor reconcile` publishes its event", "key", o.Key, "version", o.Version, "modified_at", o.ModifiedAt)
	}
	for _, text := range r.Misjudged {
		slog.Error(text)
	}
	if !r.Equal() {
		return errUnequal
	}
	return nil
}
