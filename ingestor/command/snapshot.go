package command

import (
	"context"
	"log/slog"
	"time"

	"millrace/infra/cli"
	"millrace/ingestor/coincap/ingest"
	"millrace/ingestor/source"
)

// Snapshot lands the market as it is now.
type Snapshot struct {
	Every time.Duration `name:"every" placeholder:"DURATION" help:"Land a snapshot now and then at this interval, such as 5m, until stopped."`
	topFlag
	fetchFlags
}

// Help holds the examples.
func (Snapshot) Help() string {
	return "Examples:\n\n    key=$(ingestor snapshot --top 100)\n    ingestor snapshot --every 5m --output json"
}

// Run lands one snapshot, or with --every one after the other, each printed as a result of its own.
func (c Snapshot) Run(ctx context.Context, out *cli.Output, now Clock) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Every != 0 && c.Every < time.Second {
		return cli.Usage("--every must be a second or more")
	}
	return c.ingest(ctx, out, now, func(in *ingest.Ingest) error {
		if c.Every == 0 {
			return c.once(ctx, out, in)
		}
		return c.forever(ctx, out, in)
	})
}

func (c Snapshot) once(ctx context.Context, out *cli.Output, in *ingest.Ingest) error {
	results, err := in.Snapshot(ctx, c.Top)
	return report(out, results, err)
}

// forever lands snapshots until it is stopped or fails for good.
func (c Snapshot) forever(ctx context.Context, out *cli.Output, in *ingest.Ingest) error {
	ticker := time.NewTicker(c.Every)
	defer ticker.Stop()
	for {
		err := c.once(ctx, out, in)
		switch {
		case ctx.Err() != nil:
			return nil // stopped by a signal, which is how this ends
		case err != nil && !passes(err):
			return err
		case err != nil:
			slog.Error("snapshot failed, the next one is tried as planned", "error", err, "every", c.Every.String())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// passes reports whether a failure may be gone by the next snapshot. A refused key will not be, nor will an old address;
// anything that is not the API's (a restart of the object store) will.
func passes(err error) bool {
	failed, ok := source.AsFailure(err)
	return !ok || failed.Retryable()
}
