package stream

import (
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// backlog counts the messages of a consumer that wait.
type backlog struct {
	undelivered atomic.Uint64 // in the stream when the last message was delivered
	delivered   atomic.Pointer[chan message]
}

// received notes what a message says of those behind it. out has the messages that are delivered.
func (b *backlog) received(m jetstream.Msg, out chan message) {
	if b == nil {
		return
	}
	if md, err := m.Metadata(); err == nil {
		b.undelivered.Store(md.NumPending)
		b.delivered.Store(&out)
	}
}

func (b *backlog) waiting() int {
	out := b.delivered.Load()
	if out == nil {
		return 0
	}
	return int(b.undelivered.Load()) + len(*out)
}
