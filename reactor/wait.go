package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
)

// poll is how often a waiting command looks into the ledger: one indexed read of a local database.
const poll = 5 * time.Millisecond

type waitCmd struct {
	lakeFlags
	Key     []string      `required:"" placeholder:"KEY" sep:"none" help:"Object in bronze to wait for; may be given several times."`
	Timeout time.Duration `default:"1m" help:"Give up after this time."`
}

func (*waitCmd) Help() string {
	return "Returns when the newest version of each object is in gold, and prints when it got where. Fails when an object became a dead letter.\n\nExample:\n\n  reactor wait --key bronze/coincap/assets/ingest_date=2026-01-31/x.json"
}

func (c *waitCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("not in gold after %v; `reactor dlq list` and the log of `reactor run` tell more", c.Timeout))
		defer cancel()
		var rows [][]any
		for _, key := range c.Key {
			o, err := newest(ctx, client, c.Bucket, key)
			if err != nil {
				return err
			}
			silver, gold, err := await(ctx, l, o)
			if err != nil {
				return fmt.Errorf("wait for %s: %w", key, err)
			}
			for _, step := range []struct {
				name string
				at   time.Time
			}{{"put", o.ModifiedAt}, {"silver", silver}, {"gold", gold}} {
				rows = append(rows, []any{key, step.name, step.at, step.at.Sub(o.ModifiedAt).Milliseconds()})
			}
		}
		return out.Table([]string{"key", "step", "at", "ms_since_put"}, rows)
	})
}

// newest is the latest version of an object.
func newest(ctx context.Context, client *minio.Client, bucket, key string) (event.Object, error) {
	var found event.Object
	for o, err := range reconcile.Objects(ctx, client, bucket, key) {
		if err != nil {
			return event.Object{}, err
		}
		if o.Key == key && (found.Key == "" || o.ModifiedAt.After(found.ModifiedAt)) {
			found = o
		}
	}
	if found.Key == "" {
		return event.Object{}, fmt.Errorf("there is no object %s in bucket %s (only those in bronze/ can be waited for)", key, bucket)
	}
	return found, nil
}

// await returns when an object got into silver and into gold.
func await(ctx context.Context, l *lake.Lake, o event.Object) (silver, gold time.Time, err error) {
	var e lake.Entry
	for {
		var ok bool
		if e, ok, err = l.Entry(ctx, string(o.ID())); err != nil {
			return silver, gold, errors.Join(err, context.Cause(ctx))
		}
		if ok && e.Outcome == lake.OutcomeDead {
			return silver, gold, fmt.Errorf("it is a dead letter: %s", e.Reason)
		}
		if ok {
			break
		}
		if err := sleep(ctx); err != nil {
			return silver, gold, err
		}
	}
	for {
		at, ok, err := l.Reached(ctx, "silver."+e.Table, e.Sequence)
		if err != nil {
			return silver, gold, errors.Join(err, context.Cause(ctx))
		}
		if ok {
			// An event that changed nothing may be recorded after gold had long caught up.
			return e.At, later(at, e.At), nil
		}
		if err := sleep(ctx); err != nil {
			return silver, gold, err
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sleep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(poll):
		return nil
	}
}
