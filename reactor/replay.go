package main

import (
	"context"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

type replayCmd struct {
	lakeFlags
	settings.NATS
	Dataset string        `placeholder:"SOURCE/DATASET" help:"Only objects of this dataset, such as coincap/assets."`
	From    bronze.Day    `placeholder:"DAY" help:"Only objects with this ingest date or a later one."`
	To      bronze.Day    `placeholder:"DAY" help:"Only objects with this ingest date or an earlier one."`
	Key     string        `placeholder:"KEY" help:"Only this object."`
	Wait    bool          `help:"Wait until all of them are promoted, gold included."`
	Timeout time.Duration `default:"1h" help:"Give up waiting after this time."`
}

func (*replayCmd) Help() string {
	return "Every event is worked on again from the object itself; what has not changed is not written again.\n\nExample:\n\n  reactor replay --dataset coincap/history --from 2026-01-01 --to 2026-01-31 --wait"
}

func (c *replayCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		run := reconcile.NewRun(time.Now())
		bar := out.Progress(-1, "publishing")
		n, err := reconcile.Replay(ctx, client, c.Bucket, reconcile.Selection{Dataset: c.Dataset, From: c.From, To: c.To, Key: c.Key}, publisher(js), run, bar.Add)
		bar.Done()
		if err != nil {
			return err
		}
		if c.Key != "" && n == 0 {
			return fmt.Errorf("there is no object %s in bronze", c.Key)
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

// awaitGold returns when gold is computed from silver as it was when awaitGold was called, or from something newer.
func awaitGold(ctx context.Context, l *lake.Lake) error {
	v, err := l.View(ctx)
	if err != nil {
		return err
	}
	for name := range v.Pins.Tables {
		for {
			_, ok, err := l.Reached(ctx, name, v.Tables[name].Sequence())
			if err != nil {
				return err
			}
			if ok {
				break
			}
			if err := sleep(ctx); err != nil {
				return fmt.Errorf("gold lags behind %s: %w", name, err)
			}
		}
	}
	return nil
}

// jetStream connects to the events; call the function it returns when done.
func jetStream(ctx context.Context, n settings.NATS) (jetstream.JetStream, func(), error) {
	nc, err := n.Connect(ctx, "reactor")
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1024))
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("use JetStream: %w", err)
	}
	return js, nc.Close, nil
}

// publisher sends events where the router would send them.
func publisher(js jetstream.JetStream) reconcile.Publisher {
	return func(o event.Object, run string) (func(context.Context) error, error) {
		f, err := js.PublishMsgAsync(stream.Message(o, subject(o), run))
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return stream.Stored(ctx, f) }, nil
	}
}

type reconcileCmd struct {
	lakeFlags
	settings.NATS
}

func (*reconcileCmd) Help() string {
	return "`reactor run` does the same at its start and every few minutes.\n\nExample:\n\n  reactor reconcile"
}

func (c *reconcileCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		n, err := missing(ctx, l, client, js, c.Bucket)
		if err != nil {
			return err
		}
		return out.Table([]string{"missed"}, [][]any{{n}})
	})
}
