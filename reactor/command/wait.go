package command

import (
	"context"
	"fmt"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/progress"
)

type waitCmd struct {
	lakeFlags
	Key     []string      `required:"" placeholder:"OBJECT" sep:"none" help:"Object in bronze to wait for; may be given several times."`
	Timeout time.Duration `default:"1m" help:"Give up after this time."`
}

func (*waitCmd) Help() string {
	return "Returns when the newest version of each object is in gold, and prints when it reached silver and gold. Fails if an object becomes a dead letter.\n\nExample:\n\n  reactor wait --key bronze/coincap/assets/ingest_date=2026-01-31/x.json"
}

func (c *waitCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
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
				return fmt.Errorf("wait for %s: %w", key, err)
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
