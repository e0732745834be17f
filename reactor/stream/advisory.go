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

	"millrace/infra/streams"
	"millrace/reactor/event"
)

// Advisory is the server's notice about such a message.
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
		return "its delivery was terminated without a reason"
	}
	return fmt.Sprintf("the server gave up after %d deliveries: the consumer %s has a limit that the reactor did not set", a.Deliveries, a.Consumer)
}

// AdvisoryReader makes dead letters from messages that the server gave up.
type AdvisoryReader struct {
	js        jetstream.JetStream
	log       *slog.Logger
	consumers []string
}

// NewAdvisoryReader makes a reader that watches the router's consumer.
func NewAdvisoryReader(js jetstream.JetStream, log *slog.Logger) *AdvisoryReader {
	return &AdvisoryReader{js: js, log: log, consumers: []string{routerName}}
}

// Watch adds a consumer to watch. The streams may have other consumers that do not belong to millrace. Call it before Run.
func (r *AdvisoryReader) Watch(consumer string) { r.consumers = append(r.consumers, consumer) }

// Run reads advisories until ctx ends. It acknowledges an advisory after its dead letter is stored.
func (r *AdvisoryReader) Run(ctx context.Context) error {
	return consume(ctx, r.js, consumer{stream: streams.Advisories, name: "advisories", log: r.log}, func(ctx context.Context, batch []message) {
		for _, m := range batch {
			if err := r.read(ctx, m); err != nil {
				r.log.Error("make a dead letter from a message that the server gave up", "error", err)
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
		r.log.Warn("advisory of unknown form", "subject", m.Subject(), "error", err)
		return nil
	}
	if (a.Stream != streams.Events && a.Stream != streams.Raw) || !slices.Contains(r.consumers, a.Consumer) {
		return nil
	}
	s, err := r.js.Stream(ctx, a.Stream)
	if err != nil {
		return err
	}
	given, err := s.GetMsg(ctx, a.StreamSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		r.log.Warn("the server gave up a message that is gone", "stream", a.Stream, "sequence", a.StreamSeq, "consumer", a.Consumer)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read message %d of %s: %w", a.StreamSeq, a.Stream, err)
	}
	r.log.Warn("dead letter", "consumer", a.Consumer, "reason", a.reason())
	return bury(ctx, r.js, buried{
		subject: given.Subject, header: given.Header, body: given.Data, consumer: a.Consumer, reason: a.reason(), attempts: max(1, a.Deliveries), first: time.Time{},
	})
}
