package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace/infra/streams"

	"github.com/nats-io/nats.go/jetstream"
)

// drainWithin is how long Drained waits; a backlog of minutes is left to the next pass of whoever asks.
const drainWithin = time.Minute

// Drained waits until every announcement of a bronze object that is in the streams now was worked on. It is false when
// that takes more than a minute. Events that are left because they fail again and again do not count: they would hold up
// whoever waits for ever.
func Drained(ctx context.Context, js jetstream.JetStream) (bool, error) {
	deadline := time.Now().Add(drainWithin)                      // monotonic
	for _, name := range []string{streams.Raw, streams.Events} { // in this order: what leaves the first arrives in the second
		ok, err := drained(ctx, js, name, deadline)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func drained(ctx context.Context, js jetstream.JetStream, name string, deadline time.Time) (bool, error) {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return true, nil // and with it whatever was on its way
	}
	if err != nil {
		return false, fmt.Errorf("look at stream %s: %w", name, err)
	}
	last := s.CachedInfo().State
	for {
		late := time.Now().After(deadline)
		done, err := passed(ctx, s, last, late)
		if err != nil || done || late {
			return done, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// passed tells whether the consumers of bronze events are past a state of their stream; when it is late, what was delivered
// counts as worked on.
func passed(ctx context.Context, s jetstream.Stream, then jetstream.StreamState, late bool) (bool, error) {
	consumers, behind := 0, 0
	list := s.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable == "" || onlySilver(c.Config) {
			continue
		}
		consumers++
		if c.AckFloor.Stream < then.LastSeq && (c.NumPending > 0 || (c.NumAckPending > 0 && !late)) {
			behind++
		}
	}
	if err := list.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return false, fmt.Errorf("look at the consumers: %w", err)
	}
	// A stream that nobody reads yet keeps what it has for the first reactor.
	return behind == 0 && (consumers > 0 || then.Msgs == 0), nil
}

// onlySilver is true of gold's consumer, whose events announce no bronze object.
func onlySilver(c jetstream.ConsumerConfig) bool {
	for _, subject := range append(c.FilterSubjects, c.FilterSubject) {
		if subject != "" && !strings.HasPrefix(subject, "lake.ev.silver.") {
			return false
		}
	}
	return len(c.FilterSubjects) > 0 || c.FilterSubject != ""
}
