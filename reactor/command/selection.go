package command

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
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

// counted is the objects of one dataset and ingest date.
type counted struct {
	dataset, date string
	objects       int
	bytes         int64
}

// printCounts prints how many objects there are, by dataset and ingest date.
func printCounts(out *cli.Output, objects iter.Seq2[event.Object, error]) error {
	groups := map[[2]string]*counted{}
	bar := out.Progress(-1, "listing")
	defer bar.Done()
	for o, err := range objects {
		if err != nil {
			return err
		}
		var dataset, date string
		if k, err := bronze.ParseKey(o.Key); err == nil {
			dataset = k.Source + "/" + k.Dataset
			if !k.IngestDate.IsZero() {
				date = k.IngestDate.String()
			}
		}
		g := groups[[2]string{dataset, date}]
		if g == nil {
			g = &counted{dataset: dataset, date: date}
			groups[[2]string{dataset, date}] = g
		}
		g.objects++
		g.bytes += o.Size
		bar.Add(1)
	}
	bar.Done()
	var rows [][]any
	for _, g := range slices.SortedFunc(maps.Values(groups), func(a, b *counted) int {
		return cmp.Or(strings.Compare(a.dataset, b.dataset), strings.Compare(a.date, b.date))
	}) {
		rows = append(rows, []any{orNil(g.dataset), orNil(g.date), g.objects, g.bytes})
	}
	return out.Table([]string{"dataset", "ingest_date", "objects", "bytes"}, rows)
}
