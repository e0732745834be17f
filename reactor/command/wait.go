package command

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/progress"
	"millrace/reactor/stream"
)

type waitCmd struct {
	lakeFlags
	settings.NATS
	Key     []string      `required:"" placeholder:"OBJECT" sep:"none" help:"Object in bronze to wait for; may be given several times."`
	Timeout time.Duration `default:"1m" help:"Give up after this time."`
}

func (*waitCmd) Help() string {
	return "Returns when the newest version of each object is in gold, and prints when it reached silver and gold. Fails if an object becomes a dead letter.\n\nExample:\n\n  reactor wait --key bronze/coincap/assets/ingest_date=2026-01-31/x.json"
}

func (c *waitCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		parent := ctx
		ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("not in gold after %v; `reactor dlq list` and the log of `reactor run` tell more", c.Timeout))
		defer cancel()
		var rows [][]any
		for _, key := range c.Key {
			o, err := progress.Newest(ctx, l.Bucket, key)
			if err != nil {
				return err
			}
			arrival, err := progress.Await(ctx, l.Lake, o)
			if err != nil {
				return fmt.Errorf("wait for %s: %w", key, c.idle(parent, err))
			}
			for _, step := range []struct {
				name string
				at   time.Time
			}{{"put", arrival.Put}, {"silver", arrival.Silver}, {"gold", arrival.Gold}} {
				rows = append(rows, []any{key, step.name, step.at, step.at.Sub(arrival.Put).Milliseconds()})
			}
		}
		return out.Table([]string{"key", "step", "at", "ms_since_put"}, rows)
	})
}

// idle adds to a failed wait that no reactor runs, if NATS says so. Credentials that may not use NATS leave the error as it is.
func (c *waitCmd) idle(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	alone := withEvents(ctx, c.NATS, func(js jetstream.JetStream) error { return stream.Alone(ctx, js) })
	if alone != nil {
		return err
	}
	return fmt.Errorf("%w; no reactor runs: `go tool task up` starts one with the stack, and %s is the log of its last one", err, filepath.Join(c.Home.Home, "log", "reactor.log"))
}
