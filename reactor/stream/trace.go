package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/attribute"

	"millrace/infra/tracing"
	"millrace/reactor/event"
)

// headerTrace is the W3C's header for the span that an event belongs to.
const headerTrace = "traceparent"

// sentEvent is an event on its way from the router into the stream.
type sentEvent struct {
	future jetstream.PubAckFuture
	object event.Object
	root   string // traceparent of its trace's first span
	parent string // traceparent of the client that put the object
}

// stored waits until the event is stored. The first copy begins the object's trace.
func (e sentEvent) stored(ctx context.Context, heard time.Time) error {
	ack, err := Acknowledged(ctx, e.future)
	if err == nil && !ack.Duplicate && e.root != "" {
		tracing.Begin(e.root, e.parent, tracing.Part{Name: "put", From: e.object.ModifiedAt, To: heard}, attribute.String("millrace.key", e.object.Key),
			attribute.String("millrace.version", e.object.Version), attribute.Int64("millrace.bytes", e.object.Size))
		tracing.Past(e.root, tracing.Part{Name: "route", From: heard, To: time.Now()})
	}
	return err
}

// parentOf returns the traceparent of the client that put an object, "" while tracing is off.
func parentOf(a event.Arrival) string {
	if tracing.On() {
		return a.Trace
	}
	return ""
}

// announce writes the trace into an event's header and returns its first span.
func announce(m *nats.Msg, parent string) (root string) {
	if root = tracing.Root(traceIdentity(m.Header.Get(HeaderID), m.Header.Get(HeaderRun)), parent); root != "" {
		m.Header.Set(headerTrace, root)
	}
	return root
}

// traceIdentity returns the identity of an event's trace. Each replay of an event has its own.
func traceIdentity(id, run string) string {
	if run == "" {
		return id
	}
	sum := sha256.Sum256([]byte(id + ":" + run))
	return hex.EncodeToString(sum[:])
}

// received returns the trace of a delivered event: the one in its header, or, if the event did not come through the router, the one that
// follows from its identity.
func received(m jetstream.Msg, d event.Delivery) string {
	md, err := m.Metadata()
	if err != nil || !tracing.On() {
		return ""
	}
	if _, shared := m.(*part); shared && d.Run == "" {
		return "" // of a rebuild: the put's own event, if it is on its way, begins the trace
	}
	root := m.Headers().Get(headerTrace)
	if root == "" {
		root = tracing.Root(traceIdentity(string(d.Object.ID()), d.Run), "")
		tracing.Begin(root, "", tracing.Part{Name: "publish", From: md.Timestamp, To: md.Timestamp}, attribute.String("millrace.key", d.Object.Key), attribute.String("millrace.run", d.Run))
	}
	tracing.Past(root, tracing.Part{Name: "wait in stream", From: md.Timestamp, To: time.Now()}, attribute.Int("millrace.attempt", int(d.Attempt)))
	return root
}
