package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// Publisher sends an event on its way; run is the replay it belongs to, or "". The function it returns waits until the
// event is stored.
type Publisher func(o event.Object, run string) (stored func(context.Context) error, err error)

// Republisher sends the event of an object that the ledger does not know. The function it returns waits until the event is
// stored, and tells whether the stream did not have it already.
type Republisher func(o event.Object) (stored func(context.Context) (fresh bool, err error), err error)

// window is how many events are on their way at once.
const window = 256

// settle is the age from which an object without a ledger entry counts as missed: younger ones are likely on their way.
const settle = 5 * time.Second

// Missing publishes the event of every object in bronze that the ledger does not know, and returns how many of them were
// not on their way already.
func Missing(ctx context.Context, client *minio.Client, bucket string, l *lake.Lake, publish Republisher, now time.Time) (int, error) {
	known := map[event.ID]struct{}{}
	if err := l.Entries(ctx, func(e lake.Entry) error {
		known[event.ID(e.EventID)] = struct{}{}
		return nil
	}); err != nil {
		return 0, err
	}
	return send(ctx, client, bucket, "", publish, func(o event.Object) bool {
		_, ok := known[o.ID()]
		// An object of the future is one from before the clock was set back: to wait until it is of age could take years.
		return !ok && now.Sub(o.ModifiedAt).Abs() > settle
	}, nil)
}

// Replay publishes the events of a selection again, as part of a run, and returns how many there were. progress may be nil.
func Replay(ctx context.Context, client *minio.Client, bucket string, s Selection, publish Publisher, run string, progress func(int)) (int, error) {
	return send(ctx, client, bucket, s.Prefix(), func(o event.Object) (func(context.Context) (bool, error), error) {
		stored, err := publish(o, run)
		return func(ctx context.Context) (bool, error) { return true, stored(ctx) }, err
	}, s.Holds, progress)
}

func send(ctx context.Context, client *minio.Client, bucket, prefix string, publish Republisher, wanted func(event.Object) bool, progress func(int)) (n int, err error) {
	var pending []func(context.Context) (bool, error)
	flush := func() error {
		for _, stored := range pending {
			fresh, err := stored(ctx)
			if err != nil {
				return err
			}
			if fresh {
				n++
			}
		}
		if progress != nil {
			progress(len(pending))
		}
		pending = pending[:0]
		return nil
	}
	for o, err := range Objects(ctx, client, bucket, prefix) {
		if err != nil {
			return n, err
		}
		if !wanted(o) {
			continue
		}
		stored, err := publish(o)
		if err != nil {
			return n, fmt.Errorf("publish the event of %s: %w", o.Key, err)
		}
		if pending = append(pending, stored); len(pending) == window {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	err = flush()
	return n, err
}

// NewRun names a replay, so that its events differ from earlier ones and can be counted.
func NewRun(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:8])
}
