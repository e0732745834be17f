package service

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/infra/streams"
	"millrace/reactor/announce"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

// recentDays is how many of the newest days of each dataset are looked at often.
const recentDays = 3

// NewReconciler connects a reconciler with bronze, the ledger and the streams.
func NewReconciler(l *lake.Lake, b bucket.Bucket, js jetstream.JetStream) *reconcile.Reconciler {
	list := func(ctx context.Context, prefix string) iter.Seq2[event.Object, error] {
		return reconcile.Objects(ctx, b, prefix)
	}
	return reconcile.New(list, l, announce.To(js), func(ctx context.Context, again bool) (bool, error) { return stream.Drained(ctx, js, again) })
}

// addReconciler adds the passes over bronze.
func (s *Service) addReconciler(context.Context) error {
	r := &reconciling{
		lake: s.cfg.Lake, covers: s.covers, bucket: s.cfg.Bucket, js: s.cfg.JS, reconciler: NewReconciler(s.cfg.Lake, s.cfg.Bucket, s.cfg.JS),
		silver:  announce.Silver{Lake: s.cfg.Lake, Bucket: s.cfg.Bucket, To: announce.To(s.cfg.JS)},
		metrics: s.passes, often: s.cfg.ReconcileEvery, schedule: reconcile.Schedule{Seldom: s.cfg.ReconcileAll},
		unanswered: s.cfg.Unanswered, log: s.cfg.Log,
	}
	s.add("reconciler", r.Run)
	return nil
}

// reconciling runs passes, often; the schedule says over what.
type reconciling struct {
	lake       *lake.Lake
	covers     *reconcile.Covers
	bucket     bucket.Bucket
	js         jetstream.JetStream
	reconciler *reconcile.Reconciler
	silver     announce.Silver
	metrics    *reconcile.Metrics
	often      time.Duration
	schedule   reconcile.Schedule
	unanswered func() uint64 // requests to the store
	log        *slog.Logger
}

// Run makes passes until ctx ends. One begins at once when the broker is back: events may have gone with it.
func (r *reconciling) Run(ctx context.Context) error {
	back := r.js.Conn().StatusChanged(nats.CONNECTED)
	defer r.js.Conn().RemoveStatusListener(back)
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
			r.log.Warn("reconcile failed; trying again", "scope", scope, "in", delay.String(), "error", err)
		default:
			failed = 0
			if r.schedule.Ended(scope, found, began, time.Now()) {
				wait = time.After(0)
			}
		}
		if found.Removed > 0 {
			r.log.Info("versions were deleted of which no event told; their rows are taken out", "versions", found.Removed)
		}
		if found.Outdated > 0 {
			r.log.Info("objects that an earlier definition read are read again", "objects", found.Outdated)
		}
		if found.Total() > 0 || found.Waiting > 0 {
			r.log.Info("events that never came were published", "missed", found.Total(), "causes", found.Missed, "waiting", found.Waiting, "objects", found.Objects)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-back:
		case <-wait:
		}
	}
}

// outages grows when the store did not answer or the broker came back: what lost an event most often also did that.
func (r *reconciling) outages() uint64 { return r.unanswered() + r.js.Conn().Stats().Reconnects }

// pass makes the streams that somebody deleted, then looks for objects that the ledger does not know and for silver that
// gold does not.
func (r *reconciling) pass(ctx context.Context, scope reconcile.Scope) (found reconcile.Found, err error) {
	started := time.Now()
	if err := errors.Join(streams.Ensure(ctx, r.js), r.silver.Behind(ctx)); err != nil {
		return found, err
	}
	if scope == reconcile.Everything {
		found, err = r.reconciler.Whole(ctx, nil, r.lake, r.bucket)
		r.covers.Found(found.Hidden)
	} else {
		var prefixes []string
		if prefixes, err = reconcile.Recent(ctx, r.bucket, recentDays); err != nil {
			return found, err
		}
		found, err = r.reconciler.Pass(ctx, nil, prefixes...)
	}
	r.metrics.Passed(scope, found, time.Since(started), err)
	return found, err
}
