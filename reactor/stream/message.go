package stream

import (
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// message is a message of a stream, with the event in it: that is read once, where the message comes in, and needed for the
// bounds of a batch, for the work and for a dead letter.
type message struct {
	jetstream.Msg
	object event.Object
	err    error // why it is no event; nil in streams that hold other things
	bytes  int64 // what it counts in the bounds of a batch
}

// newMessage reads a message. That of a stream without events counts by its own length.
func newMessage(m jetstream.Msg, events bool) message {
	body := m.Data()
	n := message{Msg: m, bytes: int64(len(body))}
	if !events {
		return n
	}
	if n.object, n.err = event.Unmarshal(body); n.err == nil {
		n.bytes = n.object.Size
	}
	return n
}

// delivery is the event as it is handed to whoever works on it.
func (m message) delivery() event.Delivery {
	d := event.Delivery{Object: m.object, Run: m.Headers().Get(HeaderRun), Attempt: deliveries(m)}
	d.Trace = received(m, d)
	return d
}
