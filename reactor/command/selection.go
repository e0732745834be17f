package command

import (
	"context"
	"iter"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/reactor/announce"
	"millrace/reactor/event"
	"millrace/reactor/reconcile"
)

// objects are those of the flags.
func (c *replayCmd) objects(ctx context.Context, l opened, js jetstream.JetStream) iter.Seq2[event.Object, error] {
	selection := reconcile.Selection{Dataset: c.Dataset, From: c.From, To: c.To, Key: c.Key}
	if c.DeadLetters {
		return announce.DeadObjects(ctx, js, selection)
	}
	return reconcile.Select(ctx, l.Bucket, selection)
}

// printCounts prints how many objects there are, by dataset and ingest date.
func (c *replayCmd) printCounts(out *cli.Output, objects iter.Seq2[event.Object, error]) error {
	bar := out.Progress(-1, "listing")
	groups, err := reconcile.Count(objects, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		if err := c.nothing(); err != nil {
			return err
		}
	}
	var rows [][]any
	for _, g := range groups {
		rows = append(rows, []any{orNil(g.Dataset), orNil(g.Date), g.Objects, g.Bytes})
	}
	return out.Table([]string{"dataset", "ingest_date", "objects", "bytes"}, rows)
}
