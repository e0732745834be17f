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

const (
	// AckWait is the time without a sign of life after which another reactor gets a message. The events that a killed reactor
	// held wait that long.
	AckWait = 10 * time.Second
	// PinnedTTL is the time after which a hung reactor is replaced. A reactor whose connection closed is replaced sooner.
	PinnedTTL = 5 * time.Second
	// maxBatch bounds the events of one commit; more wait in the stream. Eight times as many are in one commit if they are live: the
	// fewer commits, the fewer files and the fewer steps of gold. Those that are published again are not, because live events wait
	// for such a batch.
	maxBatch     = 512
	maxLiveBatch = 8 * maxBatch
	// maxHeld bounds the messages that are delivered and not settled.
	maxHeld = 2 * maxLiveBatch
	// manyEvents are so many that a batch of them waits for those that come close behind, gapWait for each and gatherWait in all.
	// Objects that come one by one are never so many, and wait for nothing.
	manyEvents = 128
	gapWait    = 25 * time.Millisecond
	gatherWait = 500 * time.Millisecond
	// maxBatchBytes bounds the bytes of a batch's objects, and so the memory that they need.
	maxBatchBytes = 32 << 20
	// PinGroup is the priority group of each consumer. One of its members is pinned at a time.
	PinGroup = "reactor"
)

// consumer names a durable pull consumer.
type consumer struct {
	stream, name string
	subjects     []string
	log          *slog.Logger
	idle         func(context.Context) // may be nil
	stuck        *Stuck                // may be nil
	backlog      *backlog              // may be nil
}

// most is the greatest number of events in one batch.
func (c consumer) most() int {
	if c.stream == streams.Events {
		return maxLiveBatch
	}
	return maxBatch
}

// consume delivers the consumer's messages in batches until ctx ends. A batch has the messages that are there; only one of many waits
// a moment for more. It starts again by itself after NATS was away or somebody deleted the consumer or its stream.
func consume(ctx context.Context, js jetstream.JetStream, c consumer, handle func(context.Context, []message)) error {
	for attempt := uint64(1); ; attempt++ {
		started := time.Now()
		err := consumeOnce(ctx, js, c, handle)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > time.Minute {
			attempt = 1
		}
		delay := event.RetryDelay(attempt)
		c.stuck.Stopped(c.stream+" "+c.name, err, time.Now())
		c.log.Warn("consumer stopped; starting it again", "consumer", c.name, "in", delay, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
	}
}

func consumeOnce(ctx context.Context, js jetstream.JetStream, c consumer, handle func(context.Context, []message)) error {
	messages, err := c.pull(ctx, js)
	if err != nil {
		return err
	}
	c.stuck.Pulls(c.stream + " " + c.name)
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer unpin(ctx, js, c) // runs after Stop: an open pull would be pinned again
	defer messages.Stop()

	held := newHeld()
	c.backlog.begin(held)
	beating, stopBeating := context.WithCancel(ctx)
	defer stopBeating()
	go held.keepAlive(beating)
	waiting, failed := c.receive(ctx, messages, held)
	c.work(ctx, waiting, func(batch []message) {
		handle(ctx, batch)
		held.remove(batch)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return <-failed
}

// pull makes or updates the streams and the consumer, and begins to pull.
func (c consumer) pull(ctx context.Context, js jetstream.JetStream) (jetstream.MessagesContext, error) {
	if err := streams.Ensure(ctx, js); err != nil {
		return nil, err
	}
	cons, err := js.CreateOrUpdateConsumer(ctx, c.stream, jetstream.ConsumerConfig{
		Durable: c.name, FilterSubjects: c.subjects,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: AckWait,
		MaxDeliver: -1, MaxAckPending: maxHeld,
		// The pin lets one reactor at a time work on a table. Two would only make each other's commits fail.
		PriorityPolicy: jetstream.PriorityPolicyPinned, PinnedTTL: PinnedTTL, PriorityGroups: []string{PinGroup},
	})
	if err != nil {
		return nil, fmt.Errorf("make consumer %s: %w", c.name, err)
	}
	messages, err := cons.Messages(jetstream.PullPriorityGroup(PinGroup), jetstream.PullMaxMessages(maxBatch), jetstream.PullHeartbeat(2*time.Second), jetstream.PullExpiry(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("pull from consumer %s: %w", c.name, err)
	}
	return messages, nil
}

// receive passes messages on until pulling or ctx ends. Then it closes waiting, and failed has the reason, nil after a regular stop.
func (c consumer) receive(ctx context.Context, messages jetstream.MessagesContext, held *held) (waiting <-chan message, failed <-chan error) {
	out, why := make(chan message, c.most()), make(chan error, 1)
	events := c.stream == streams.Events || c.stream == streams.Again
	go func() {
		defer close(out)
		for {
			m, err := messages.Next()
			if err != nil {
				if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
					err = nil
				}
				why <- err
				return
			}
			all := split(m)
			held.add(all...)
			c.backlog.received(m, len(all))
			for _, one := range all {
				select {
				case out <- newMessage(one, events):
				case <-ctx.Done():
					why <- nil
					return
				}
			}
		}
	}()
	return out, why
}

const (
	// pause is the time without messages after which idle runs. It is longer than gold needs after silver's commit.
	pause = 500 * time.Millisecond
	// maxBusy is the number of batches without a pause after which idle runs anyway.
	maxBusy = 64
)

// work handles waiting messages, batch by batch, until the channel is closed or ctx ends.
func (c consumer) work(ctx context.Context, waiting <-chan message, handle func([]message)) {
	batches := 0 // since idle ran to its end
	for ctx.Err() == nil {
		m, ok := c.next(ctx, waiting, &batches)
		if !ok {
			return
		}
		handle(c.gather(m, waiting))
		if batches++; batches >= maxBusy && c.idle != nil && ctx.Err() == nil {
			c.idle(ctx)
			batches = 0
		}
	}
}

// next waits for a message. Meanwhile it runs idle, if there was work since idle last ran.
func (c consumer) next(ctx context.Context, waiting <-chan message, batches *int) (message, bool) {
	if c.idle == nil || *batches == 0 {
		m, ok := <-waiting
		return m, ok
	}
	select {
	case m, ok := <-waiting:
		return m, ok
	case <-time.After(pause):
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.idle(ctx)
	}()
	select {
	case m, ok := <-waiting:
		cancel()
		<-done
		return m, ok
	case <-done:
		*batches = 0
		m, ok := <-waiting
		return m, ok
	}
}

// unpin lets the next reactor begin at once. Without it the server keeps a stopped reactor's pin for PinnedTTL, and the first object
// after an orderly restart took 4.5 s to silver. If another reactor works on the table, the server simply pins it again.
func unpin(ctx context.Context, js jetstream.JetStream, c consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	s, err := js.Stream(ctx, c.stream)
	if err == nil {
		err = s.UnpinConsumer(ctx, c.name, PinGroup)
	}
	if err != nil {
		c.log.Debug("cannot unpin; the pin stays for some seconds", "consumer", c.name, "error", err)
	}
}

// gather returns the first message and those that wait behind it, up to the bounds of a batch.
func (c consumer) gather(first message, waiting <-chan message) []message {
	batch, bytes := []message{first}, first.bytes
	for began := time.Now(); len(batch) < c.most() && bytes < maxBatchBytes; {
		m, ok := c.another(waiting, len(batch) >= manyEvents && time.Since(began) < gatherWait)
		if !ok {
			break
		}
		batch, bytes = append(batch, m), bytes+m.bytes
	}
	return batch
}

// another returns a message that waits. With patience it waits for one; the router never does.
func (c consumer) another(waiting <-chan message, patience bool) (m message, ok bool) {
	select {
	case m, ok = <-waiting:
		return m, ok
	default:
	}
	if !patience || c.stream == streams.Raw {
		return m, false
	}
	select {
	case m, ok = <-waiting:
	case <-time.After(gapWait):
	}
	return m, ok
}

// held has the messages that are delivered and not settled. keepAlive keeps them while they wait their turn.
type held struct {
	mu sync.Mutex
	m  map[jetstream.Msg]struct{}
}

func newHeld() *held { return &held{m: map[jetstream.Msg]struct{}{}} }

func (h *held) add(all ...jetstream.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range all {
		h.m[m] = struct{}{}
	}
}

func (h *held) remove(batch []message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range batch {
		delete(h.m, m.Msg)
	}
}

// keepAlive tells the server that the held messages are in progress, until ctx ends.
func (h *held) keepAlive(ctx context.Context) {
	beat := time.NewTicker(AckWait / 3)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			h.inProgress()
		}
	}
}

func (h *held) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.m)
}

func (h *held) inProgress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := map[jetstream.Msg]bool{}
	for m := range h.m {
		if p, ok := m.(*part); ok {
			m = p.Msg
		}
		if !told[m] {
			told[m] = true
			_ = m.InProgress() // fails if it is settled or NATS is away; both are fine
		}
	}
}

// deliveries returns the number of deliveries of a message, with this one.
func deliveries(m jetstream.Msg) uint64 {
	md, err := m.Metadata()
	if err != nil {
		return 1
	}
	return md.NumDelivered
}
