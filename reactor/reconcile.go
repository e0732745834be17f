package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

// recentDays is how many of the newest days of each dataset are looked at often.
const recentDays = 3

// newReconciler connects a reconciler with bronze, the ledger and the streams.
func newReconciler(l *lake.Lake, client *minio.Client, bucket string, js jetstream.JetStream) *reconcile.Reconciler {
	list := func(ctx context.Context, prefix string) iter.Seq2[event.Object, error] {
		return reconcile.Objects(ctx, client, bucket, prefix)
	}
	return reconcile.New(list, l, publisher(js), func(ctx context.Context) (bool, error) { return stream.Drained(ctx, js) })
}

type reconcileCmd struct {
	lakeFlags
	settings.NATS
}

func (*reconcileCmd) Help() string {
	return "Looks at all of bronze. `reactor run` does the same at its start and once a day, and for the newest days every few minutes.\n\n" +
		"Columns: missed is how many events were published; of them unannounced are those that never came, forgotten those that were worked on before the ledger was replaced. Waiting are objects whose events may still be worked on.\n\nExample:\n\n  reactor reconcile"
}

func (c *reconcileCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		bar := out.Progress(-1, "listing")
		defer bar.Done()
		r := newReconciler(l, client, c.Bucket, js)
		found, err := r.Pass(ctx, bar.Add, "")
		bar.Done()
		if err != nil {
			return err
		}
		return out.Table([]string{"objects", "missed", "unannounced", "forgotten", "ledger_empty", "waiting"}, [][]any{{
			found.Objects, found.Total(), found.Missed[reconcile.Unannounced], found.Missed[reconcile.Forgotten], found.Missed[reconcile.NewLedger], found.Waiting,
		}})
	})
}

// reconciling runs passes, often; the schedule says over what.
type reconciling struct {
	lake       *lake.Lake
	js         jetstream.JetStream
	client     *minio.Client
	bucket     string
	reconciler *reconcile.Reconciler
	metrics    *reconcile.Metrics
	often      time.Duration
	schedule   reconcile.Schedule
	unanswered *atomic.Uint64 // requests to the store
	log        *slog.Logger
}

// Run makes passes until ctx ends.
func (r *reconciling) Run(ctx context.Context) error {
	tick := time.NewTicker(r.often) // monotonic, as are all times here: a clock that jumps skips no pass
	defer tick.Stop()
	for failed := uint64(0); ; {
		wait := tick.C
		began := time.Now()
		scope := r.schedule.Next(began, r.outages())
		found, err := r.pass(ctx, scope)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// An outage ends before the next turn: what it hid should not wait for that.
			failed++
			delay := min(r.often, 10*event.RetryDelay(failed))
			wait = time.After(delay)
			r.log.Warn("reconcile failed, is tried again", "scope", scope, "in", delay.String(), "error", err)
		default:
			failed = 0
			if r.schedule.Ended(scope, found, began, time.Now()) {
				wait = time.After(0)
			}
		}
		if found.Total() > 0 || found.Waiting > 0 {
			r.log.Info("events that never came were published", "missed", found.Total(), "causes", found.Missed, "waiting", found.Waiting, "objects", found.Objects)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wait:
		}
	}
}

// outages grows when the store did not answer or the broker came back: what lost an event most often also did that.
func (r *reconciling) outages() uint64 {
	return r.unanswered.Load() + r.js.Conn().Stats().Reconnects
}

// pass makes the streams that somebody deleted, then looks for objects that the ledger does not know and for silver that
// gold does not.
func (r *reconciling) pass(ctx context.Context, scope reconcile.Scope) (found reconcile.Found, err error) {
	started := time.Now()
	if err := errors.Join(stream.Ensure(ctx, r.js), nudgeGold(ctx, r.lake, r.js)); err != nil {
		return found, err
	}
	prefixes := []string{""}
	if scope == reconcile.RecentDays {
		if prefixes, err = reconcile.Recent(ctx, r.client, r.bucket, recentDays); err != nil {
			return found, err
		}
	}
	found, err = r.reconciler.Pass(ctx, nil, prefixes...)
	r.metrics.Passed(scope, found, time.Since(started), err)
	return found, err
}

// nudgeGold publishes an event of silver's current metadata when gold is behind: the event of silver's last commit is lost
// when nobody was there to take it, and no other may come for a day.
func nudgeGold(ctx context.Context, l *lake.Lake, js jetstream.JetStream) error {
	v, err := l.View(ctx)
	if err != nil || v.Current() {
		return err
	}
	for name, pin := range v.Pins.Tables {
		t := v.Tables[name]
		if t == nil || t.SnapshotID() == pin.SnapshotID {
			continue
		}
		bucket, key, _ := strings.Cut(strings.TrimPrefix(t.Location, "s3://"), "/")
		o := event.Object{Bucket: bucket, Key: key, Version: event.NoVersion, ModifiedAt: time.UnixMilli(t.Meta.LastUpdatedMillis())}
		m := stream.Message(o, subject(o), "")
		m.Header.Set(nats.MsgIdHdr, string(o.ID())+":nudge")
		if _, err := js.PublishMsg(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
