package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/infra/streams"

	"github.com/nats-io/nats.go/jetstream"
)

// Lag says how far a consumer is behind.
type Lag struct {
	Consumer string
	Waiting  uint64 // events not delivered yet
	Working  int    // delivered, not settled
	Settled  uint64 // number in the stream up to which all events are settled
	// Oldest is the time when the oldest unsettled event came into the stream; zero if there is none.
	Oldest time.Time
}

// Lags returns the lags of the durable consumers, with the router's.
func Lags(ctx context.Context, js jetstream.JetStream) ([]Lag, error) {
	var lags []Lag
	for _, name := range []string{streams.Raw, streams.Events} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look at stream %s: %w", name, err)
		}
		list := s.ListConsumers(ctx)
		for c := range list.Info() {
			if c.Config.Durable == "" {
				continue
			}
			l := Lag{Consumer: c.Name, Waiting: c.NumPending, Working: c.NumAckPending, Settled: c.AckFloor.Stream}
			if l.Waiting > 0 || l.Working > 0 {
				if l.Oldest, err = oldest(ctx, s, c); err != nil {
					return nil, err
				}
			}
			lags = latest(lags, l)
		}
		if err := list.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
			return nil, fmt.Errorf("look at the consumers of %s: %w", name, err)
		}
	}
	return lags, nil
}

// latest adds what is said of a consumer, once: after a cut in a cluster, a server that took itself for the consumer's leader answers beside the new
// one. Who has settled more knows more. Metrics that are there twice cost the whole scrape.
func latest(lags []Lag, l Lag) []Lag {
	i := slices.IndexFunc(lags, func(other Lag) bool { return other.Consumer == l.Consumer })
	switch {
	case i < 0:
		return append(lags, l)
	case l.Settled > lags[i].Settled:
		lags[i] = l
	}
	return lags
}

// oldest returns the time of the first message after the acknowledged ones.
func oldest(ctx context.Context, s jetstream.Stream, c *jetstream.ConsumerInfo) (first time.Time, err error) {
	subjects := c.Config.FilterSubjects
	if c.Config.FilterSubject != "" {
		subjects = append(subjects, c.Config.FilterSubject)
	}
	if len(subjects) == 0 {
		subjects = []string{">"}
	}
	for _, subject := range subjects {
		m, err := s.GetMsg(ctx, c.AckFloor.Stream+1, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return first, fmt.Errorf("look at the oldest event of %s: %w", c.Name, err)
		}
		if first.IsZero() || m.Time.Before(first) {
			first = m.Time
		}
	}
	return first, nil
}

// Store says how full a stream is.
type Store struct {
	Stream   string
	Messages uint64
	Bytes    uint64
	Most     int64 // size in bytes at which the server drops the oldest messages
	Buried   map[string]uint64
}

// Stores returns the fill of three streams. Dead letters are also counted by consumer.
func Stores(ctx context.Context, js jetstream.JetStream) ([]Store, error) {
	var stores []Store
	for _, name := range []string{streams.Raw, streams.Events, streams.DeadLetters} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look at stream %s: %w", name, err)
		}
		var opts []jetstream.StreamInfoOpt
		if name == streams.DeadLetters {
			opts = append(opts, jetstream.WithSubjectFilter(streams.DeadPrefix+">"))
		}
		info, err := s.Info(ctx, opts...)
		if err != nil {
			return nil, fmt.Errorf("look at stream %s: %w", name, err)
		}
		store := Store{Stream: name, Messages: info.State.Msgs, Bytes: info.State.Bytes, Most: info.Config.MaxBytes, Buried: map[string]uint64{}}
		for subject, n := range info.State.Subjects {
			store.Buried[strings.TrimPrefix(subject, streams.DeadPrefix)] += n
		}
		stores = append(stores, store)
	}
	return stores, nil
}
