package stream

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
)

const (
	// storedWithin bounds the wait for the broker's answer that it has stored an event. After that the event is published again,
	// which its message id makes harmless. Without a bound we would wait for a lost answer until the connection breaks: a JetStream
	// that stops for a full disk and starts again within the same server never sends it.
	storedWithin = 5 * time.Second
	// maxUnstored is the number of events that may be on their way at once.
	maxUnstored = 1024
)

// Client publishes events on a connection. replicas is how many servers keep the streams that it makes: see streams.Client.
func Client(nc *nats.Conn, replicas int) (jetstream.JetStream, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxUnstored), jetstream.WithPublishAsyncTimeout(storedWithin))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return streams.Client{JetStream: js, Replicas: replicas}, nil
}
