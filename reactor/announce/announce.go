// Package announce publishes events of existing objects: of bronze objects for a replay or because no event ever came, and of
// silver's metadata for gold. An object has one identity, and this package is the one way to announce it.
package announce

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

// To returns an announcer that sends events to the subjects that the router uses.
func To(js jetstream.JetStream) reconcile.Announcer {
	return func(objects []event.Object, run, nonce string) (func(context.Context) ([]event.Object, error), error) {
		type sent struct {
			objects []event.Object
			future  jetstream.PubAckFuture
		}
		var all []sent
		for len(objects) > 0 {
			subject, n := tables.Subject(objects[0]), 1
			for n < len(objects) && tables.Subject(objects[n]) == subject && objects[n].Imported() == objects[0].Imported() {
				n++
			}
			m := stream.Messages(objects[:n], subject, run)
			if nonce != "" {
				m = stream.Anew(m, nonce)
			}
			f, err := js.PublishMsgAsync(m)
			if err != nil {
				return nil, err
			}
			all, objects = append(all, sent{objects[:n], f}), objects[n:]
		}
		return func(ctx context.Context) (copies []event.Object, err error) {
			for _, s := range all {
				ack, err := stream.Acknowledged(ctx, s.future)
				if err != nil {
					return copies, err
				}
				if ack.Duplicate {
					copies = append(copies, s.objects...)
				}
			}
			return copies, nil
		}, nil
	}
}

// Silver announces the current metadata of silver's tables to gold.
type Silver struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	To     reconcile.Announcer
}

// All announces every table, as part of a replay. Gold may be rolled back or may have lost an event, and objects that change nothing
// would not wake it.
func (s Silver) All(ctx context.Context, run string) error {
	return s.each(ctx, run, "", func(*lake.Table, lake.Pin) bool { return true })
}

// Behind announces the tables that gold is behind. The event of silver's last commit is lost if no broker took it, and the next may
// come in a day. The message has its own id, because the broker may still know the lost event's and drop a copy. The broker drops
// repeats of the new id.
func (s Silver) Behind(ctx context.Context) error {
	return s.each(ctx, "", "nudge", func(t *lake.Table, pin lake.Pin) bool { return t.SnapshotID() != pin.SnapshotID })
}

func (s Silver) each(ctx context.Context, run, nonce string, wanted func(*lake.Table, lake.Pin) bool) error {
	view, err := s.Lake.View(ctx)
	if err != nil {
		return err
	}
	for name, pin := range view.Pins.Tables {
		t := view.Tables[name]
		if t == nil || !wanted(t, pin) {
			continue
		}
		if err := s.announce(ctx, t, run, nonce); err != nil {
			return fmt.Errorf("announce %s to gold: %w", name, err)
		}
	}
	return nil
}

// announce publishes the event that MinIO published when the metadata file was put. A HEAD request tells enough of the object for
// the same identity.
func (s Silver) announce(ctx context.Context, t *lake.Table, run, nonce string) error {
	key := strings.TrimPrefix(t.Location, "s3://"+s.Bucket.Name+"/")
	info, err := s.Bucket.Client.StatObject(ctx, s.Bucket.Name, key, minio.StatObjectOptions{})
	if err != nil {
		return fmt.Errorf("read its metadata %s: %w", key, err)
	}
	stored, err := s.To([]event.Object{{
		Bucket: s.Bucket.Name, Key: key, Version: event.NoVersion,
		ModifiedAt: info.LastModified.UTC().Truncate(time.Millisecond), ETag: info.ETag, Size: info.Size,
	}}, run, nonce)
	if err != nil {
		return err
	}
	_, err = stored(ctx)
	return err
}
