package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/settings"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

// jetStream connects to the events; call the function it returns when done.
func jetStream(ctx context.Context, n settings.NATS) (jetstream.JetStream, func(), error) {
	nc, err := n.Connect(ctx, "reactor")
	if err != nil {
		return nil, nil, err
	}
	js, err := stream.Client(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return js, nc.Close, nil
}

// publisher sends events where the router would send them.
func publisher(js jetstream.JetStream) reconcile.Publisher {
	return func(o event.Object, run, nonce string) (func(context.Context) (bool, error), error) {
		m := stream.Message(o, subject(o), run)
		if nonce != "" {
			m = stream.Anew(m, nonce)
		}
		f, err := js.PublishMsgAsync(m)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (bool, error) {
			ack, err := stream.Acknowledged(ctx, f)
			return err == nil && ack.Duplicate, err
		}, nil
	}
}

// publishGold publishes the events of silver's current metadata again: gold may be rolled back, or have lost an event, and
// would not hear of it from objects that change nothing.
func publishGold(ctx context.Context, l *lake.Lake, client *minio.Client, bucket string, publish reconcile.Publisher, run string) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	for name := range view.Pins.Tables {
		t := view.Tables[name]
		if t == nil {
			continue
		}
		key := strings.TrimPrefix(t.Location, "s3://"+bucket+"/")
		info, err := client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		if err != nil {
			return fmt.Errorf("look at the metadata of %s: %w", name, err)
		}
		stored, err := publish(event.Object{
			Bucket: bucket, Key: key, Version: event.NoVersion, ModifiedAt: info.LastModified.UTC().Truncate(time.Millisecond), ETag: info.ETag, Size: info.Size,
		}, run, "")
		if err == nil {
			_, err = stored(ctx)
		}
		if err != nil {
			return fmt.Errorf("publish the event of %s: %w", name, err)
		}
	}
	return nil
}
