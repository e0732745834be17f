package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
)

type snapshotCommand struct {
	Every time.Duration `name:"every" placeholder:"DURATION" help:"Land a snapshot now and then at this interval, such as 5m, until stopped."`
	topFlag
	fetchFlags
}

// Help holds the examples.
func (snapshotCommand) Help() string {
	return "Examples:\n\n    ingestor snapshot --top 100\n    ingestor snapshot --every 5m --output json"
}

// Run lands one snapshot, or with --every one after the other, each printed as a result of its own.
func (c snapshotCommand) Run(ctx context.Context, out *cli.Output, now clock) (err error) {
	defer func() { err = c.judge(err) }()
	if err := c.check(); err != nil {
		return err
	}
	if c.Every != 0 && c.Every < time.Second {
		return cli.Usage("--every must be a second or more")
	}
	l, err := c.lander(now)
	if err != nil {
		return err
	}
	end, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if c.Every == 0 {
		return c.once(ctx, out, l)
	}
	ticker := time.NewTicker(c.Every)
	defer ticker.Stop()
	for {
		err := c.once(ctx, out, l)
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

func (c snapshotCommand) once(ctx context.Context, out *cli.Output, l *lander) error {
	pages, err := l.top(ctx, c.Top)
	if err != nil {
		return err
	}
	results, err := l.snapshot(ctx, pages, bronze.DayOf(l.now()))
	return report(out, results, err)
}

// passes reports whether a failure may be gone by the next snapshot. A refused key will not be, nor will an old address;
// anything that is not the API's (a restart of the object store) will.
func passes(err error) bool {
	var failed *coincap.Error
	return !errors.As(err, &failed) || failed.Kind.Retryable()
}
