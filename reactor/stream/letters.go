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

// Letters keeps the dead letters to those that somebody should look at: one for each event, and none whose event needs
// nobody any more, because its object, or a newer version of it, has been promoted since. It follows the stream of dead
// letters and is told of each event that is done; whether a letter is void it asks each time.
type Letters struct {
	JS  jetstream.JetStream
	Log *slog.Logger
	// Void tells whether the event of a dead letter needs nobody any more.
	Void func(context.Context, event.Object) (bool, error)

	mu     sync.Mutex
	topics map[string]map[uint64]kept // by topic and number in the stream
	look   map[string]bool            // topics whose letters may have become void
	wake   chan struct{}
}

// kept is what is remembered of a dead letter.
type kept struct {
	consumer, eventID string
	object            event.Object
	first             time.Time
	attempts          uint64
}

// lookEvery is how often all letters are looked at again: another reactor may have missed one, or the ledger was away.
const lookEvery = time.Minute

// NewLetters makes a keeper of dead letters; Run makes it work.
func NewLetters(js jetstream.JetStream, log *slog.Logger, void func(context.Context, event.Object) (bool, error)) *Letters {
	return &Letters{JS: js, Log: log, Void: void, topics: map[string]map[uint64]kept{}, look: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// topic is what letters become void by together: versions of one object; and all of gold's, whose events say no more than
// that silver has moved on.
func topic(o event.Object) string {
	if route, err := event.RouteOf(o); err == nil && route.Layer == event.Silver {
		return string(event.Silver)
	}
	return o.Key
}

// Done tells of events that were worked on. It returns at once.
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
	default: // it is on its way
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
		l.Log.Warn("dead letters cannot be followed, is tried again", "in", delay, "error", err)
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

// add remembers a letter, in place of an older one of the same event.
func (l *Letters) add(ctx context.Context, d DeadLetter) {
	o, err := event.Unmarshal(d.Body)
	if err != nil {
		return // not an event: only a person can say what is to become of it
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
		l.drop(ctx, t, n, "a newer letter of the same event is there")
	}
	l.signal()
}

// earlier is what is known of a letter that an event of a consumer has already.
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

// clear drops the letters that are void among those of the topics to look at.
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
		void, err := l.Void(ctx, c.object)
		if err != nil {
			if ctx.Err() == nil {
				l.Log.Warn("dead letter is looked at again later", "id", c.sequence, "error", err)
			}
			continue
		}
		if void {
			l.drop(ctx, c.topic, c.sequence, "its object, or a newer version of it, is promoted")
		}
	}
}

func (l *Letters) drop(ctx context.Context, topic string, sequence uint64, why string) {
	err := Drop(ctx, l.JS, sequence)
	if err != nil && !errors.Is(err, ErrNoDeadLetter) { // another reactor, or a person, was quicker
		l.Log.Warn("clear dead letter, is tried again", "id", sequence, "error", err)
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
