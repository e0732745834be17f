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

// drainWithin bounds Drained's wait. A backlog of minutes is left to the caller's next pass.
const drainWithin = time.Minute

// Drained waits until every event of a bronze object that is in the streams now was worked on, with again also the events of replays
// and imports. It returns false if that takes more than a minute. Events that fail again and again do not count: the caller would wait
// for ever.
func Drained(ctx context.Context, js jetstream.JetStream, again bool) (bool, error) {
	deadline := time.Now().Add(drainWithin)        // monotonic
	names := []string{streams.Raw, streams.Events} // in this order: messages move from the first to the others
	if again {
		names = append(names, streams.Again)
	}
	for _, name := range names {
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
		return true, nil // the stream is gone, and with it what was on its way
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

// passed tells whether the consumers of bronze events are past a state of their stream. If it is late, delivered events count as worked
// on.
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
	// A stream without consumers keeps its messages for the first reactor.
	return behind == 0 && (consumers > 0 || then.Msgs == 0), nil
}

// onlySilver tells whether a consumer is gold's. Its events announce no bronze object.
func onlySilver(c jetstream.ConsumerConfig) bool {
	for _, subject := range append(c.FilterSubjects, c.FilterSubject) {
		if subject != "" && !strings.HasPrefix(subject, "lake.ev.silver.") && !strings.HasPrefix(subject, AgainSubject("lake.ev.silver.")) {
			return false
		}
	}
	return len(c.FilterSubjects) > 0 || c.FilterSubject != ""
}
