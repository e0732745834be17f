package stream

import (
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// message is a stream's message with the event in it. The event is read once, when the message comes in. The bounds of a batch, the work
// and a dead letter need it.
type message struct {
	jetstream.Msg
	object event.Object
	err    error // why it is not an event; nil in streams of other messages
	bytes  int64 // its share of maxBatchBytes
}

// newMessage reads a message. In a stream without events, bytes is the message's own length.
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

// delivery returns the event as Handle gets it.
func (m message) delivery() event.Delivery {
	d := event.Delivery{Object: m.object, Run: m.Headers().Get(HeaderRun), Attempt: deliveries(m)}
	d.Trace = received(m, d)
	return d
}
