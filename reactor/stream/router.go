package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
	"millrace/reactor/event"
)

// routerName is the name of the router's durable consumer.
const routerName = "router"

// Router reads MinIO's messages from RAW and publishes each object once to EV, under the subject of its route.
type Router struct {
	JS  jetstream.JetStream
	Log *slog.Logger
	// Bucket is the lake's bucket. Others may share the broker; the router ignores their events.
	Bucket string
	// Rule is the store's.
	Rule event.Rule
	// Find asks the bucket for an object version whose message leaves its time open. there is false if the bucket does not have it.
	// It is needed with a rule that leaves something open.
	Find func(context.Context, event.Object) (found event.Object, there bool, err error)
	// Subject returns the subject of an object's event.
	Subject func(event.Object) string
	// Routed, when set, is called for each object whose event is published. It must return at once.
	Routed func(event.Object)
	// Ignored, when set, is called for each object that gets no event because it is not data.
	Ignored func(event.Object)
	// Buried, when set, is called for each stored dead letter with the reason.
	Buried func(consumer string, reason error)
	// Stuck, when set, is told when the router cannot pull.
	Stuck *Stuck
}

// Run routes until ctx ends. It acknowledges a message after its events are stored.
func (r *Router) Run(ctx context.Context) error {
	return consume(ctx, r.JS, consumer{stream: streams.Raw, name: routerName, log: r.Log, stuck: r.Stuck}, func(ctx context.Context, batch []message) {
		// Publish side by side, then wait for the answers in order: one round trip for a batch, not one for each message.
		heard := time.Now()
		read := r.read(ctx, batch)
		futures := make([][]sentEvent, len(batch))
		for i, m := range batch {
			if read[i].failed == nil {
				futures[i], read[i].failed = r.publish(m, read[i].arrivals)
			}
		}
		for i, m := range batch {
			err := read[i].failed
			for _, f := range futures[i] {
				err = errors.Join(err, f.stored(ctx, heard))
			}
			if err == nil { // what could be read is stored: a dead letter keeps the rest
				err = read[i].malformed
			}
			r.settle(ctx, m, err)
		}
	})
}

// publish publishes the events of one message's objects. It does not wait for the answers.
func (r *Router) publish(m jetstream.Msg, arrivals []event.Arrival) ([]sentEvent, error) {
	var futures []sentEvent
	for _, a := range arrivals {
		if r.Routed != nil {
			r.Routed(a.Object)
		}
		out := Message(a.Object, r.Subject(a.Object), runOf(m))
		parent := parentOf(a)
		root := announce(out, parent)
		f, err := r.JS.PublishMsgAsync(out)
		if err != nil {
			return futures, fmt.Errorf("publish event of %s: %w", a.Key, err)
		}
		futures = append(futures, sentEvent{f, a.Object, root, parent})
	}
	return futures, nil
}

// runOf returns the replay that a message belongs to. A message that somebody published by hand without a run gets its own, because its
// event would otherwise count as a copy of the first one.
func runOf(m jetstream.Msg) string {
	if run := m.Headers().Get(HeaderRun); run != "" || m.Subject() != streams.RawReplay {
		return run
	}
	md, err := m.Metadata()
	if err != nil {
		return ""
	}
	return "raw-" + strconv.FormatUint(md.Sequence.Stream, 10)
}

func (r *Router) settle(ctx context.Context, m jetstream.Msg, err error) {
	delivered := deliveries(m)
	action, delay := event.Outcome(err, delivered)
	switch action {
	case event.Dead:
		if buryErr := bury(ctx, r.JS, buriedOf(m, "raw", err.Error(), kept{})); buryErr != nil {
			r.Log.Error("store dead letter", "subject", m.Subject(), "error", buryErr)
			_ = m.NakWithDelay(event.RetryDelay(delivered))
			return
		}
		r.Log.Warn("message of unknown form", "subject", m.Subject(), "reason", err)
		if r.Buried != nil {
			r.Buried("raw", err)
		}
	case event.Retry:
		r.Log.Error("route message", "subject", m.Subject(), "retry_in", delay, "error", err)
		_ = m.NakWithDelay(delay)
		return
	}
	_ = m.Ack() // if the ack is lost, the message id makes the next delivery harmless
}

// Message makes the message of an object's event. run is the replay that it belongs to, or "" for a live event. The event of an
// imported object is no live one: 100,000 of them must not stand before a new object, nor its age count as a delay.
func Message(o event.Object, subject, run string) *nats.Msg {
	m := header(string(o.ID()), subject, publishedIn(o, run))
	m.Data = o.Marshal()
	return m
}

// publishedIn returns the run that the event of an object is published in, "" for a live one.
func publishedIn(o event.Object, run string) string {
	if run == "" && !o.Removed && o.Imported() {
		return event.ImportRun
	}
	return run
}

// header makes a message without a body. The broker drops it as a copy of another with this id and run.
func header(id, subject, run string) *nats.Msg {
	if run != "" {
		subject = AgainSubject(subject)
	}
	m := nats.NewMsg(subject)
	m.Header.Set(HeaderID, id)
	m.Header.Set(nats.MsgIdHdr, id)
	if run != "" {
		m.Header.Set(HeaderRun, run)
		m.Header.Set(nats.MsgIdHdr, id+":"+run)
	}
	return m
}

// Anew gives the message another id than the event's first one. The broker would drop a message whose id it still knows.
func Anew(m *nats.Msg, nonce string) *nats.Msg {
	m.Header.Set(nats.MsgIdHdr, m.Header.Get(nats.MsgIdHdr)+":"+nonce)
	return m
}

// Acknowledged waits until a published event is stored, or dropped as a copy of a stored one.
func Acknowledged(ctx context.Context, f jetstream.PubAckFuture) (*jetstream.PubAck, error) {
	select {
	case ack := <-f.Ok():
		return ack, nil
	case err := <-f.Err():
		return nil, fmt.Errorf("store event: %w", err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
