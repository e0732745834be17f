package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

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
	modelFlags
	limitFlags
	Dataset     string        `placeholder:"SOURCE/DATASET" help:"Only objects of this dataset, such as coincap/assets."`
	From        bronze.Day    `placeholder:"DAY" help:"Only objects with this ingest date or a later one."`
	To          bronze.Day    `placeholder:"DAY" help:"Only objects with this ingest date or an earlier one."`
	Key         string        `placeholder:"KEY" help:"Only this object."`
	DeadLetters bool          `name:"dead-letters" help:"Only objects that are dead letters."`
	Branch      string        `placeholder:"NAME" help:"Promote onto this new branch, here and now, and show how it differs; reactor publish makes it main."`
	DryRun      bool          `name:"dry-run" help:"Publish nothing: count the objects by dataset and ingest date."`
	Wait        bool          `help:"Wait until all of them are promoted, gold included."`
	Timeout     time.Duration `default:"1h" help:"Give up waiting after this time."`
	Memory      string        `default:"256MiB" help:"Memory for --branch; beyond it rows spill to disk."`
}

func (*replayCmd) Help() string {
	return `Every event is worked on again from the object itself; what has not changed is not written again. A changed decoder, dataset or
model takes effect, a rolled-back table comes back, and a dead letter that can be read by now clears itself.

With --branch no reactor takes part: this command promotes the objects itself, with the decoders of this program and the models of
--models, onto a branch of all tables that no reader of main sees (write, audit, publish). Look at it with reactor changes TABLE
--from main --to NAME, or reactor query --snapshot TABLE=NAME, then reactor publish NAME, or reactor publish NAME --drop.

Examples:

  reactor replay --dataset coincap/history --from 2026-01-01 --to 2026-01-31 --wait
  reactor replay --dead-letters --dry-run
  reactor replay --dataset coincap/assets --branch new-decoder`
}

func (c *replayCmd) Run(ctx context.Context, out *cli.Output) error {
	if c.Branch != "" && (c.DryRun || c.Wait) {
		return cli.Usage("--branch works on the objects itself, and waits: leave out --dry-run and --wait")
	}
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		if c.DryRun && !c.DeadLetters {
			return c.count(ctx, client, nil, out)
		}
		if c.Branch != "" && !c.DeadLetters {
			return c.onBranch(ctx, l, client, nil, out)
		}
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		if c.DryRun {
			return c.count(ctx, client, js, out)
		}
		if c.Branch != "" {
			return c.onBranch(ctx, l, client, js, out)
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

// onBranch promotes the objects onto a new branch, and shows how that differs from main.
func (c *replayCmd) onBranch(ctx context.Context, l *lake.Lake, client *minio.Client, js jetstream.JetStream, out *cli.Output) error {
	set, err := c.load(ctx)
	if err != nil {
		return err
	}
	b := &branchReplay{lake: l, client: client, set: set, limits: c.limits(), memory: c.Memory, out: out}
	run, err := b.run(ctx, c.Branch, c.objects(ctx, client, js))
	if err != nil {
		return err
	}
	slog.Info("replayed onto a branch", "branch", c.Branch, "run", run, "publish", "reactor publish "+c.Branch)
	return b.compare(ctx, c.Branch)
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
