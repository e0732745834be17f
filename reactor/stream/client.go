package stream

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// storedWithin is how long the broker may take to say that it has stored an event; later the event counts as not stored and is
	// published again, which its message id makes harmless. Without a bound an answer that is lost is waited for until the connection
	// breaks: a JetStream that was shut down for a full disk and started again within the same server never gives it.
	storedWithin = 5 * time.Second
	// maxUnstored is how many events may be on their way at once.
	maxUnstored = 1024
)

// Client is how events are published on a connection.
func Client(nc *nats.Conn) (jetstream.JetStream, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxUnstored), jetstream.WithPublishAsyncTimeout(storedWithin))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return js, nil
}
