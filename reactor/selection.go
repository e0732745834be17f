package main

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

// objects are those of the flags.
func (c *replayCmd) objects(ctx context.Context, client *minio.Client, js jetstream.JetStream) iter.Seq2[event.Object, error] {
	selection := reconcile.Selection{Dataset: c.Dataset, From: c.From, To: c.To, Key: c.Key}
	if c.DeadLetters {
		return deadObjects(ctx, js, selection)
	}
	return reconcile.Select(ctx, client, c.Bucket, selection)
}

// deadObjects are the objects in bronze that have a dead letter, each once.
func deadObjects(ctx context.Context, js jetstream.JetStream, selection reconcile.Selection) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		letters, err := stream.DeadLettersOf(ctx, js, "")
		if err != nil {
			yield(event.Object{}, err)
			return
		}
		seen := map[event.ID]bool{}
		for _, l := range letters {
			o, err := event.Unmarshal(l.Body)
			if err != nil || seen[o.ID()] || !strings.HasPrefix(o.Key, "bronze/") || !selection.Holds(o) {
				continue
			}
			seen[o.ID()] = true
			if !yield(o, nil) {
				return
			}
		}
	}
}

// count prints what a replay would publish.
func (c *replayCmd) count(ctx context.Context, client *minio.Client, js jetstream.JetStream, out *cli.Output) error {
	type group struct{ dataset, date string }
	objects, bytes := map[group]int{}, map[group]int64{}
	bar := out.Progress(-1, "listing")
	defer bar.Done()
	for o, err := range c.objects(ctx, client, js) {
		if err != nil {
			return err
		}
		var g group
		if k, err := bronze.ParseKey(o.Key); err == nil {
			g.dataset = k.Source + "/" + k.Dataset
			if !k.IngestDate.IsZero() {
				g.date = k.IngestDate.String()
			}
		}
		objects[g]++
		bytes[g] += o.Size
		bar.Add(1)
	}
	bar.Done()
	var rows [][]any
	for _, g := range slices.SortedFunc(maps.Keys(objects), func(a, b group) int {
		return cmp.Or(strings.Compare(a.dataset, b.dataset), strings.Compare(a.date, b.date))
	}) {
		rows = append(rows, []any{orNil(g.dataset), orNil(g.date), objects[g], bytes[g]})
	}
	return out.Table([]string{"dataset", "ingest_date", "objects", "bytes"}, rows)
}

// orNil is a text for a table of results, where none is no value.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}
