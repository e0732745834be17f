package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// Router reads MinIO's messages from RAW and publishes each object once to EV, under the subject of its route.
type Router struct {
	JS  jetstream.JetStream
	Log *slog.Logger
	// Bucket is the one whose events count; others may share the broker.
	Bucket string
	// Subject is where the event of an object belongs.
	Subject func(event.Object) string
}

// Run routes until ctx ends. A message is acknowledged after its events are stored.
func (r *Router) Run(ctx context.Context) error {
	return consume(ctx, r.JS, consumer{stream: Raw, name: "router", log: r.Log}, func(ctx context.Context, batch []jetstream.Msg) {
		// Published side by side, then acknowledged in order: one round trip for a batch, not one for each message.
		futures := make([][]jetstream.PubAckFuture, len(batch))
		failed := make([]error, len(batch))
		for i, m := range batch {
			futures[i], failed[i] = r.publish(m)
		}
		for i, m := range batch {
			err := failed[i]
			for _, f := range futures[i] {
				err = errors.Join(err, Stored(ctx, f))
			}
			r.settle(ctx, m, err)
		}
	})
}

// publish sends the objects of one message on their way.
func (r *Router) publish(m jetstream.Msg) ([]jetstream.PubAckFuture, error) {
	objects, err := event.ParseMinIO(m.Data())
	if err != nil {
		return nil, event.Deadf("%v", err)
	}
	var futures []jetstream.PubAckFuture
	for _, o := range objects {
		if o.Bucket != r.Bucket {
			continue
		}
		f, err := r.JS.PublishMsgAsync(Message(o, r.Subject(o), runOf(m)))
		if err != nil {
			return futures, fmt.Errorf("publish event of %s: %w", o.Key, err)
		}
		futures = append(futures, f)
	}
	return futures, nil
}

// runOf is the replay that a message belongs to. One that a person published by hand is one too, also without a header: it
// must be worked on, and not vanish as a copy of the live event.
func runOf(m jetstream.Msg) string {
	run := m.Headers().Get(HeaderRun)
	if run == "" && m.Subject() == RawReplay {
		if md, err := m.Metadata(); err == nil {
			run = fmt.Sprintf("by-hand-%d", md.Sequence.Stream)
		}
	}
	return run
}

func (r *Router) settle(ctx context.Context, m jetstream.Msg, err error) {
	delivered := deliveries(m)
	action, delay := event.Outcome(err, delivered)
	switch action {
	case event.Dead:
		if buryErr := bury(ctx, r.JS, m, "raw", err.Error(), delivered); buryErr != nil {
			r.Log.Error("store dead letter", "subject", m.Subject(), "error", buryErr)
			_ = m.NakWithDelay(event.RetryDelay(delivered))
			return
		}
		r.Log.Warn("message of no known form", "subject", m.Subject(), "reason", err)
	case event.Retry:
		r.Log.Error("route message", "subject", m.Subject(), "retry_in", delay, "error", err)
		_ = m.NakWithDelay(delay)
		return
	}
	_ = m.Ack() // a lost ack means one more delivery, which the message id makes void
}

// Message is the event of an object for subject. run is the replay it belongs to, or "" for a live event.
func Message(o event.Object, subject, run string) *nats.Msg {
	id := string(o.ID())
	if run != "" {
		subject = AgainSubject(subject)
	}
	m := nats.NewMsg(subject)
	m.Data = o.Marshal()
	m.Header.Set(HeaderID, id)
	m.Header.Set(nats.MsgIdHdr, id)
	if run != "" {
		m.Header.Set(HeaderRun, run)
		m.Header.Set(nats.MsgIdHdr, id+":"+run)
	}
	return m
}

// Stored waits until a published event is stored.
func Stored(ctx context.Context, f jetstream.PubAckFuture) error {
	select {
	case <-f.Ok():
		return nil
	case err := <-f.Err():
		return fmt.Errorf("store event: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}
