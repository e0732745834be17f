package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// Publisher sends an event on its way; run is the replay it belongs to, or "". The function it returns waits until the
// event is stored.
type Publisher func(o event.Object, run string) (stored func(context.Context) error, err error)

// window is how many events are on their way at once.
const window = 256

// settle is the age from which an object without a ledger entry counts as missed: younger ones are likely on their way.
const settle = 5 * time.Second

// Missing publishes the event of every object in bronze that the ledger does not know, and returns how many there were. Without
// a run, events that came within the stream's memory of message ids are not stored a second time: they may only be waiting.
func Missing(ctx context.Context, client *minio.Client, bucket string, l *lake.Lake, publish Publisher, run string, now time.Time) (int, error) {
	missed, err := Missed(ctx, client, bucket, l, now)
	if err != nil {
		return 0, err
	}
	return Publish(ctx, missed, publish, run, nil)
}

// Missed are the objects in bronze that the ledger does not know, but for the youngest.
func Missed(ctx context.Context, client *minio.Client, bucket string, l *lake.Lake, now time.Time) (iter.Seq2[event.Object, error], error) {
	known := map[event.ID]struct{}{}
	if err := l.Entries(ctx, func(e lake.Entry) error {
		known[event.ID(e.EventID)] = struct{}{}
		return nil
	}); err != nil {
		return nil, err
	}
	return wanted(Objects(ctx, client, bucket, ""), func(o event.Object) bool {
		_, ok := known[o.ID()]
		return !ok && now.Sub(o.ModifiedAt) > settle
	}), nil
}

// Publish sends the events of objects on their way, as part of a run unless that is "", and returns how many there were.
// progress may be nil.
func Publish(ctx context.Context, objects iter.Seq2[event.Object, error], publish Publisher, run string, progress func(int)) (n int, err error) {
	var pending []func(context.Context) error
	flush := func() error {
		for _, stored := range pending {
			if err := stored(ctx); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(len(pending))
		}
		pending = pending[:0]
		return nil
	}
	for o, err := range objects {
		if err != nil {
			return n, err
		}
		stored, err := publish(o, run)
		if err != nil {
			return n, fmt.Errorf("publish the event of %s: %w", o.Key, err)
		}
		n++
		if pending = append(pending, stored); len(pending) == window {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, flush()
}

// NewRun names a replay, so that its events differ from earlier ones and can be counted.
func NewRun(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:8])
}
