package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

// keepReconciled publishes what no event brought, at the start and then every so often. It fails when the catalog is not
// the one any more that was opened.
func keepReconciled(ctx context.Context, l *lake.Lake, client *minio.Client, js jetstream.JetStream, bucket string, every time.Duration, log *slog.Logger) error {
	for failed := uint64(0); ; {
		wait := every
		n, err := missing(ctx, l, client, js, bucket)
		err = errors.Join(err, nudgeGold(ctx, l, js))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// An outage ends before the next turn: what it hid should not wait for that.
			failed++
			wait = min(every, 10*event.RetryDelay(failed))
			log.Warn("reconcile failed, is tried again", "in", wait, "error", err)
		default:
			failed = 0
			if n > 0 {
				log.Info("events that never came were published", "missed", n)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// missing makes the streams that somebody deleted, and publishes the events of objects that the ledger does not know.
func missing(ctx context.Context, l *lake.Lake, client *minio.Client, js jetstream.JetStream, bucket string) (int, error) {
	if err := stream.Ensure(ctx, js); err != nil {
		return 0, err
	}
	r, err := stream.NewRepublisher(ctx, js)
	if err != nil {
		return 0, err
	}
	return reconcile.Missing(ctx, client, bucket, l, func(o event.Object) (func(context.Context) (bool, error), error) {
		return r.Publish(o, subject(o))
	}, time.Now())
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
