package main

import (
	"context"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/console"
	"millrace/reactor/lake"
	"millrace/reactor/stream"
)

// readiness asks everything that the reactor needs whether it answers, side by side: a part that hangs hides no other.
func readiness(ctx context.Context, l *lake.Lake, client *minio.Client, js jetstream.JetStream, bucket string) []console.Part {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	return console.Ask(ctx, map[string]func(context.Context) error{
		"nats": func(ctx context.Context) error {
			_, err := js.AccountInfo(ctx)
			return err
		},
		"streams": func(ctx context.Context) error {
			_, err := stream.Stores(ctx, js)
			return err
		},
		"object_storage": func(ctx context.Context) error {
			if ok, err := client.BucketExists(ctx, bucket); err != nil || ok {
				return err
			}
			return fmt.Errorf("there is no bucket %s", bucket)
		},
		"catalog": func(ctx context.Context) error {
			_, err := l.View(ctx)
			return err
		},
	})
}
