package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
)

type replayCmd struct {
	lakeFlags
	settings.NATS
	Dataset     string        `placeholder:"SOURCE/DATASET" help:"Only objects of this dataset, such as coincap/assets."`
	From        bronze.Day    `placeholder:"DAY" help:"Only objects with this ingest date or a later one."`
	To          bronze.Day    `placeholder:"DAY" help:"Only objects with this ingest date or an earlier one."`
	Key         string        `placeholder:"KEY" help:"Only this object."`
	DeadLetters bool          `name:"dead-letters" help:"Only objects that are dead letters."`
	DryRun      bool          `name:"dry-run" help:"Publish nothing: count the objects by dataset and ingest date."`
	Wait        bool          `help:"Wait until all of them are promoted, gold included."`
	Timeout     time.Duration `default:"1h" help:"Give up waiting after this time."`
}

func (*replayCmd) Help() string {
	return `Every event is worked on again from the object itself; what has not changed is not written again. A changed decoder, dataset or
model takes effect, a rolled-back table comes back, and a dead letter that can be read by now clears itself.

Examples:

  reactor replay --dataset coincap/history --from 2026-01-01 --to 2026-01-31 --wait
  reactor replay --dead-letters --dry-run`
}

func (c *replayCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		if c.DryRun && !c.DeadLetters {
			return c.count(ctx, client, nil, out)
		}
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		if c.DryRun {
			return c.count(ctx, client, js, out)
		}
		run := reconcile.NewRun(time.Now())
		bar := out.Progress(-1, "publishing")
		n, err := reconcile.Publish(ctx, c.objects(ctx, client, js), publisher(js), run, bar.Add)
		bar.Done()
		if err != nil {
			return err
		}
		if c.Key != "" && n == 0 && !c.DeadLetters {
			return fmt.Errorf("there is no object %s in bronze", c.Key)
		}
		if err := publishGold(ctx, l, client, c.Bucket, publisher(js), run); err != nil {
			return err
		}
		if c.Wait {
			ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("replay %s is not through after %v", run, c.Timeout))
			defer cancel()
			if err := awaitRun(ctx, l, run, n, out); err != nil {
				return err
			}
		}
		return out.Table([]string{"run", "events"}, [][]any{{run, n}})
	})
}

// awaitRun returns when all n events of a replay are in the ledger, and gold has caught up with silver.
func awaitRun(ctx context.Context, l *lake.Lake, run string, n int, out *cli.Output) error {
	bar := out.Progress(n, "promoting")
	defer bar.Done()
	for seen := 0; seen < n; {
		now, err := l.CountRun(ctx, run)
		if err != nil {
			return err
		}
		bar.Add(now - seen)
		if seen = now; seen < n {
			if err := sleep(ctx); err != nil {
				return fmt.Errorf("%w (%d of %d events)", err, seen, n)
			}
		}
	}
	return awaitGold(ctx, l)
}

// awaitGold returns when gold is computed from silver as it was when awaitGold was called, or from something newer, and no
// table of gold is rolled back.
func awaitGold(ctx context.Context, l *lake.Lake) error {
	then, err := l.View(ctx)
	if err != nil {
		return err
	}
	for now := then; ; {
		behind := promote.RolledBack(now)
		for name := range then.Pins.Tables {
			// By the snapshot while no step has come since: the sequence number of a table that is rolled back is an old one.
			pin, t := now.Pins.Tables[name], then.Tables[name]
			if t == nil {
				continue // it is being made anew
			}
			caughtUp := pin.SnapshotID == t.SnapshotID() || now.Pins.Step > then.Pins.Step && pin.Sequence >= t.Sequence()
			behind = behind || !caughtUp
		}
		if !behind {
			return nil
		}
		if err := sleep(ctx); err != nil {
			return fmt.Errorf("gold lags behind silver: %w", err)
		}
		if now, err = l.View(ctx); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
}
