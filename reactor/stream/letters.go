package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
	"millrace/reactor/event"
)

// Letters drops dead letters that nobody needs to look at. It keeps one for each event, and none that is obsolete because its object
// or a newer version has been promoted since. It follows the stream of dead letters and hears of each event that is done. It asks
// each time whether a letter is obsolete.
type Letters struct {
	JS  jetstream.JetStream
	Log *slog.Logger
	// Obsolete tells whether nobody needs to look at the dead letter of an object's event.
	Obsolete func(context.Context, event.Object) (bool, error)

	mu     sync.Mutex
	topics map[string]map[uint64]kept // by topic and number in the stream
	look   map[string]bool            // topics whose letters may have become obsolete
	wake   chan struct{}
}

// kept has what Letters remembers of a dead letter.
type kept struct {
	consumer, eventID string
	object            event.Object
	first             time.Time
	attempts          uint64
}

// lookEvery is the time between looks at all letters: another reactor may have missed one, or the ledger was away.
const lookEvery = time.Minute

// NewLetters makes a keeper of dead letters. It works while Run runs.
func NewLetters(js jetstream.JetStream, log *slog.Logger, obsolete func(context.Context, event.Object) (bool, error)) *Letters {
	return &Letters{JS: js, Log: log, Obsolete: obsolete, topics: map[string]map[uint64]kept{}, look: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// topic groups letters that become obsolete together: versions of one object, and all of gold's, whose events only say that silver has
// changed.
func topic(o event.Object) string {
	if route, err := event.RouteOf(o); err == nil && route.Layer == event.Silver {
		return string(event.Silver)
	}
	return o.Key
}

// Done is called with the objects of events that are done. It returns at once.
func (l *Letters) Done(objects ...event.Object) {
	l.mu.Lock()
	found := false
	for _, o := range objects {
		if t := topic(o); len(l.topics[t]) > 0 {
			l.look[t], found = true, true
		}
	}
	l.mu.Unlock()
	if found {
		l.signal()
	}
}

func (l *Letters) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // a signal is waiting
	}
}

// Run follows the dead letters until ctx ends.
func (l *Letters) Run(ctx context.Context) error {
	for attempt := uint64(1); ; attempt++ {
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		delay := event.RetryDelay(attempt)
		l.Log.Warn("cannot follow dead letters; trying again", "in", delay, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
	}
}

func (l *Letters) follow(ctx context.Context) error {
	if err := streams.Ensure(ctx, l.JS); err != nil {
		return err
	}
	cons, err := l.JS.OrderedConsumer(ctx, streams.DeadLetters, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("follow dead letters: %w", err)
	}
	messages, err := cons.Messages()
	if err != nil {
		return fmt.Errorf("follow dead letters: %w", err)
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer messages.Stop()
	ended := make(chan error, 1)
	go func() {
		for {
			m, err := messages.Next()
			if err != nil {
				ended <- err
				return
			}
			md, err := m.Metadata()
			if err != nil {
				ended <- err
				return
			}
			l.add(ctx, letter(m.Subject(), m.Headers(), m.Data(), md.Sequence.Stream, md.Timestamp))
		}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-l.wake:
			l.clear(ctx)
		case <-tick.C:
			l.mu.Lock()
			for t := range l.topics {
				l.look[t] = true
			}
			l.mu.Unlock()
			l.clear(ctx)
		}
	}
}

// add remembers a letter and drops an older one of the same event.
func (l *Letters) add(ctx context.Context, d DeadLetter) {
	o, err := event.Unmarshal(d.Body)
	if err != nil {
		return // not an event: a person must decide
	}
	t := topic(o)
	var older []uint64
	l.mu.Lock()
	if l.topics[t] == nil {
		l.topics[t] = map[uint64]kept{}
	}
	for n, k := range l.topics[t] {
		if k.consumer == d.Consumer && k.eventID == d.EventID && n < d.Sequence {
			older = append(older, n)
		}
	}
	l.topics[t][d.Sequence] = kept{d.Consumer, d.EventID, o, d.First, d.Attempts}
	l.look[t] = true
	l.mu.Unlock()
	for _, n := range older {
		l.drop(ctx, t, n, "the same event has a newer letter")
	}
	l.signal()
}

// earlier returns what Letters remembers of an event's earlier letter from the same consumer.
func (l *Letters) earlier(consumer string, o event.Object) (k kept, ok bool) {
	if l == nil {
		return kept{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.topics[topic(o)] {
		if other.consumer == consumer && other.eventID == string(o.ID()) && (!ok || other.attempts > k.attempts) {
			k, ok = other, true
		}
	}
	return k, ok
}

// clear drops obsolete letters of the topics to look at.
func (l *Letters) clear(ctx context.Context) {
	type candidate struct {
		topic    string
		sequence uint64
		object   event.Object
	}
	var candidates []candidate
	l.mu.Lock()
	for t := range l.look {
		for n, k := range l.topics[t] {
			candidates = append(candidates, candidate{t, n, k.object})
		}
	}
	clear(l.look)
	l.mu.Unlock()
	for _, c := range candidates {
		obsolete, err := l.Obsolete(ctx, c.object)
		if err != nil {
			if ctx.Err() == nil {
				l.Log.Warn("cannot tell whether a dead letter is obsolete; looking again later", "id", c.sequence, "error", err)
			}
			continue
		}
		if obsolete {
			l.drop(ctx, c.topic, c.sequence, "its object or a newer version is promoted")
		}
	}
}

func (l *Letters) drop(ctx context.Context, topic string, sequence uint64, why string) {
	err := Drop(ctx, l.JS, sequence)
	if err != nil && !errors.Is(err, ErrNoDeadLetter) { // ErrNoDeadLetter: another reactor or a person was quicker
		l.Log.Warn("cannot drop a dead letter; trying again", "id", sequence, "error", err)
		return
	}
	l.mu.Lock()
	delete(l.topics[topic], sequence)
	if len(l.topics[topic]) == 0 {
		delete(l.topics, topic)
	}
	l.mu.Unlock()
	if err == nil {
		l.Log.Info("dead letter cleared", "id", sequence, "because", why)
	}
}
