package stream

import (
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// backlog counts the events of a consumer that are not settled.
type backlog struct {
	undelivered atomic.Uint64 // in the stream when the last message was delivered, if those there have as many as that one
	held        atomic.Pointer[held]
}

// begin takes the messages that a new pull holds in place of those of the last one.
func (b *backlog) begin(h *held) {
	if b != nil {
		b.held.Store(h)
	}
}

// received notes what a message says of those behind it.
func (b *backlog) received(m jetstream.Msg, events int) {
	if b == nil {
		return
	}
	if md, err := m.Metadata(); err == nil {
		b.undelivered.Store(md.NumPending * uint64(events))
	}
}

func (b *backlog) waiting() int {
	h := b.held.Load()
	if h == nil {
		return 0
	}
	return int(b.undelivered.Load()) + h.len()
}
