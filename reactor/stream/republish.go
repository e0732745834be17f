package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// Republisher publishes events of objects that the ledger does not know. Usually the stream has the event and it waits its
// turn: then its message id makes the second copy void. But the message id also outlives the message, when a stream was purged,
// and the work, when a catalog was lost; then the event has to come under another one.
type Republisher struct {
	js jetstream.JetStream
	// settled is the sequence up to which every event was worked on when the Republisher was made. The ledger must be read
	// after that: what it does not know of these, nobody will bring.
	settled uint64
}

// NewRepublisher notes how far the consumers of bronze's events have come.
func NewRepublisher(ctx context.Context, js jetstream.JetStream) (*Republisher, error) {
	s, err := js.Stream(ctx, Events) // its state first: what comes later than this is not settled
	if err != nil {
		return nil, fmt.Errorf("look at the stream of events: %w", err)
	}
	r := &Republisher{js: js, settled: s.CachedInfo().State.LastSeq}
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		if waitsForBronze(c.Config) && (c.NumPending > 0 || c.NumAckPending > 0) {
			r.settled = min(r.settled, c.AckFloor.Stream)
		}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("look at the consumers of events: %w", err)
	}
	return r, nil
}

func waitsForBronze(c jetstream.ConsumerConfig) bool {
	for _, subject := range append(c.FilterSubjects, c.FilterSubject) {
		if strings.HasPrefix(subject, "lake.ev."+string(event.Bronze)+".") || subject == event.Stray {
			return true
		}
	}
	return false
}

// Publish sends the event of an object. The function it returns waits until it is stored, and tells whether it was new
// to the stream.
func (r *Republisher) Publish(o event.Object, subject string) (func(context.Context) (bool, error), error) {
	f, err := r.js.PublishMsgAsync(Message(o, subject, ""))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (bool, error) {
		select {
		case ack := <-f.Ok():
			if !ack.Duplicate {
				return true, nil
			}
			if ack.Sequence > r.settled {
				return false, nil // it waits
			}
			m := Message(o, subject, "")
			m.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s:again-%d", o.ID(), time.Now().UnixNano()))
			if _, err := r.js.PublishMsg(ctx, m); err != nil {
				return false, fmt.Errorf("store event: %w", err)
			}
			return true, nil
		case err := <-f.Err():
			return false, fmt.Errorf("store event: %w", err)
		case <-ctx.Done():
			return false, errors.Join(ctx.Err(), context.Cause(ctx))
		}
	}, nil
}
