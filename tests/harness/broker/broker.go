// Package broker looks at what is on its way through a lakehouse's broker.
package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
)

// Consumers lists a stream's consumers that are the reactor's, and leaves out those of a test that reads it.
func Consumers(ctx context.Context, js jetstream.JetStream, name string) (own []*jetstream.ConsumerInfo, err error) {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look at stream %s: %w", name, err)
	}
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable != "" {
			own = append(own, c)
		}
	}
	if err := list.Err(); err != nil {
		return own, fmt.Errorf("look at the consumers of %s: %w", name, err)
	}
	return own, nil
}

// Settled waits until no event is on its way any more: none waits for a consumer, and none is being worked on. Its error says what still
// was when ctx ended.
func Settled(ctx context.Context, js jetstream.JetStream) error {
	var busy map[string]string
	// A message that the router has just read is in no count for a moment, and a commit to silver brings an event later.
	for quiet := 0; quiet < 20; quiet++ {
		now, err := busyConsumers(ctx, js)
		if err != nil {
			return fmt.Errorf("%w; events still on their way: %v", err, busy)
		}
		if busy = now; len(busy) > 0 {
			quiet = 0
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("%w; events still on their way: %v", err, busy)
		}
	}
	return nil
}

// busyConsumers says what each consumer still has to do.
func busyConsumers(ctx context.Context, js jetstream.JetStream) (map[string]string, error) {
	busy := map[string]string{}
	for _, name := range []string{streams.Raw, streams.Events, streams.Again} {
		consumers, err := Consumers(ctx, js, name)
		if err != nil {
			return busy, err
		}
		for _, c := range consumers {
			if c.NumPending > 0 || c.NumAckPending > 0 {
				busy[c.Name] = fmt.Sprintf("%d waiting, %d worked on, %d of them again", c.NumPending, c.NumAckPending, c.NumRedelivered)
			}
		}
		if len(consumers) == 0 {
			busy[name] = "no reactor has begun"
		}
	}
	return busy, nil
}

// pause waits, and ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
