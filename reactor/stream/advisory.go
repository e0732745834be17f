package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// advisorySubjects are where the server says that it will not deliver a message again. The reactor's consumers neither have
// an end of deliveries nor end one; somebody who edits a consumer, or works at it with another client, can do both, and
// the event would be gone without a trace.
var advisorySubjects = []string{"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"}

// Advisory is what the server says of such a message.
type advisory struct {
	Type       string
	Stream     string
	Consumer   string
	StreamSeq  uint64 `json:"stream_seq"`
	Deliveries uint64
	Reason     string
}

func (a advisory) reason() string {
	if a.Reason != "" {
		return fmt.Sprintf("its delivery was terminated: %s", a.Reason)
	}
	if a.Type == "io.nats.jetstream.advisory.v1.terminated" {
		return "its delivery was terminated, without a reason"
	}
	return fmt.Sprintf("the server gave up after %d deliveries: the consumer %s has a limit that the reactor did not set", a.Deliveries, a.Consumer)
}

// AdvisoryReader makes dead letters of the messages that the server gave up.
type AdvisoryReader struct {
	JS  jetstream.JetStream
	Log *slog.Logger
	// Consumers are those whose messages matter; the streams may have others that are no part of millrace.
	Consumers []string
}

// Run reads advisories until ctx ends. One is acknowledged after its dead letter is stored.
func (r *AdvisoryReader) Run(ctx context.Context) error {
	return consume(ctx, r.JS, consumer{stream: Advisories, name: "advisories", log: r.Log}, func(ctx context.Context, batch []jetstream.Msg) {
		for _, m := range batch {
			if err := r.read(ctx, m); err != nil {
				r.Log.Error("make a dead letter of what the server gave up", "error", err)
				_ = m.NakWithDelay(event.RetryDelay(deliveries(m)))
				continue
			}
			_ = m.Ack()
		}
	})
}

func (r *AdvisoryReader) read(ctx context.Context, m jetstream.Msg) error {
	var a advisory
	if err := json.Unmarshal(m.Data(), &a); err != nil {
		r.Log.Warn("advisory of no known form", "subject", m.Subject(), "error", err)
		return nil
	}
	if (a.Stream != Events && a.Stream != Raw) || !slices.Contains(r.Consumers, a.Consumer) {
		return nil
	}
	s, err := r.JS.Stream(ctx, a.Stream)
	if err != nil {
		return err
	}
	given, err := s.GetMsg(ctx, a.StreamSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		r.Log.Warn("the server gave up a message that is not there any more", "stream", a.Stream, "sequence", a.StreamSeq, "consumer", a.Consumer)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read message %d of %s: %w", a.StreamSeq, a.Stream, err)
	}
	r.Log.Warn("dead letter", "consumer", a.Consumer, "reason", a.reason())
	return bury(ctx, r.JS, buried{
		subject: given.Subject, header: given.Header, body: given.Data, consumer: a.Consumer, reason: a.reason(), attempts: max(1, a.Deliveries), first: time.Time{},
	})
}
