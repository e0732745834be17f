package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
)

// ErrNotAlone says that a reactor is running.
var ErrNotAlone = errors.New("a reactor is running: stop it first (Ctrl-C, or `stack up --no-reactor`)")

// goneWithin is the time after which the server has noticed that a stopped reactor no longer waits for messages.
const goneWithin = 5 * time.Second

// Alone returns ErrNotAlone if a reactor is running: every reactor waits for messages of the router's consumer.
func Alone(ctx context.Context, js jetstream.JetStream) error {
	for deadline := time.Now().Add(goneWithin); ; {
		waiting, err := routersWaiting(ctx, js)
		if err != nil {
			return fmt.Errorf("ask NATS whether a reactor runs: %w", err)
		}
		if waiting == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return ErrNotAlone
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// routersWaiting returns the number of pulls that wait at the router's consumer.
func routersWaiting(ctx context.Context, js jetstream.JetStream) (int, error) {
	raw, err := js.Stream(ctx, streams.Raw)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	consumer, err := raw.Consumer(ctx, routerName)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.NumWaiting, nil
}
