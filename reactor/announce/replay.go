package announce

import (
	"context"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
)

// Replay publishes the events of objects again, as one run.
type Replay struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	JS     jetstream.JetStream
}

// Run publishes the events, then wakes gold, and returns the name of the run and how many events it has. progress hears of each.
func (r Replay) Run(ctx context.Context, objects iter.Seq2[event.Object, error], progress func(int)) (run string, n int, err error) {
	run, to := reconcile.NewRun(time.Now()), To(r.JS)
	if n, err = reconcile.Announce(ctx, objects, to, run, progress); err != nil {
		return run, n, err
	}
	return run, n, Silver{Lake: r.Lake, Bucket: r.Bucket, To: to}.All(ctx, run)
}
