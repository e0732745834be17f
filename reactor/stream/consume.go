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
	// ackWait is how long a message may go without a sign of life before another reactor gets it, and so how long the
	// events that a killed reactor held wait.
	ackWait = 10 * time.Second
	// pinnedTTL is how long a hung reactor keeps the others waiting; one whose connection closed is replaced sooner.
	pinnedTTL = 5 * time.Second
	// maxBatch bounds what one commit takes in; more waits in the stream.
	maxBatch = 512
	// maxBatchBytes bounds the bytes of the objects of one batch, and so the memory they need.
	maxBatchBytes = 32 << 20
	// pinGroup is the one priority group of each consumer; its members take turns at being pinned.
	pinGroup = "reactor"
)

// consumer names a durable pull consumer.
type consumer struct {
	stream, name string
	subjects     []string
	log          *slog.Logger
	idle         func(context.Context) // may be nil
}

// consume delivers the consumer's messages in batches, what is there at once and without waiting for more, until ctx
// ends. It comes back by itself after NATS was away or somebody deleted the consumer or its stream.
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
		c.log.Warn("consumer stopped, starts again", "consumer", c.name, "in", delay, "error", err)
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
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer unpin(ctx, js, c) // after Stop: a pull that is still open would be pinned again
	defer messages.Stop()

	held := newHeld()
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

// pull makes the streams and the consumer, or brings their settings up to date, and begins to pull.
func (c consumer) pull(ctx context.Context, js jetstream.JetStream) (jetstream.MessagesContext, error) {
	if err := streams.Ensure(ctx, js); err != nil {
		return nil, err
	}
	cons, err := js.CreateOrUpdateConsumer(ctx, c.stream, jetstream.ConsumerConfig{
		Durable: c.name, FilterSubjects: c.subjects,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxDeliver: -1, MaxAckPending: 4 * maxBatch,
		// Pinned, so that one reactor at a time works on a table: two would only undo each other's commits.
		PriorityPolicy: jetstream.PriorityPolicyPinned, PinnedTTL: pinnedTTL, PriorityGroups: []string{pinGroup},
	})
	if err != nil {
		return nil, fmt.Errorf("make consumer %s: %w", c.name, err)
	}
	messages, err := cons.Messages(jetstream.PullPriorityGroup(pinGroup), jetstream.PullMaxMessages(maxBatch), jetstream.PullHeartbeat(2*time.Second), jetstream.PullExpiry(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("pull from consumer %s: %w", c.name, err)
	}
	return messages, nil
}

// receive passes messages on until pulling ends or ctx does. Then waiting is closed, and failed has why pulling ended, nil
// when it was stopped.
func (c consumer) receive(ctx context.Context, messages jetstream.MessagesContext, held *held) (waiting <-chan message, failed <-chan error) {
	out, why := make(chan message, maxBatch), make(chan error, 1)
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
			held.add(m)
			select {
			case out <- newMessage(m, events):
			case <-ctx.Done():
				why <- nil
				return
			}
		}
	}()
	return out, why
}

const (
	// pause is how long nothing must come before idle runs: longer than gold needs after silver's commit.
	pause = 500 * time.Millisecond
	// maxBusy is after how many batches without a pause idle runs nevertheless.
	maxBusy = 64
)

// work handles what is waiting, batch by batch, until the channel is closed or ctx ends.
func (c consumer) work(ctx context.Context, waiting <-chan message, handle func([]message)) {
	batches := 0 // since idle ran to its end
	for ctx.Err() == nil {
		m, ok := c.next(ctx, waiting, &batches)
		if !ok {
			return
		}
		handle(gather(m, waiting))
		if batches++; batches >= maxBusy && c.idle != nil && ctx.Err() == nil {
			c.idle(ctx)
			batches = 0
		}
	}
}

// next waits for a message, and lets idle run meanwhile if there was work since it last did.
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

// unpin lets the next reactor begin at once. Without it the server keeps the pin of one that has left for pinnedTTL: the
// first object after an orderly restart took 4.5 s into silver. Whoever else works on the table is simply pinned again.
func unpin(ctx context.Context, js jetstream.JetStream, c consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	s, err := js.Stream(ctx, c.stream)
	if err == nil {
		err = s.UnpinConsumer(ctx, c.name, pinGroup)
	}
	if err != nil {
		c.log.Debug("the pin stays for a while", "consumer", c.name, "error", err)
	}
}

// gather takes what is waiting behind the first message, up to the bounds of a batch.
func gather(first message, waiting <-chan message) []message {
	batch, bytes := []message{first}, first.bytes
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		select {
		case m, ok := <-waiting:
			if !ok {
				return batch
			}
			batch = append(batch, m)
			bytes += m.bytes
		default:
			return batch
		}
	}
	return batch
}

// held are the messages that were delivered and not settled yet: they are kept alive while they wait their turn.
type held struct {
	mu sync.Mutex
	m  map[jetstream.Msg]struct{}
}

func newHeld() *held { return &held{m: map[jetstream.Msg]struct{}{}} }

func (h *held) add(m jetstream.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[m] = struct{}{}
}

func (h *held) remove(batch []message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range batch {
		delete(h.m, m.Msg)
	}
}

// keepAlive tells the server of the messages that are worked on, until ctx ends.
func (h *held) keepAlive(ctx context.Context) {
	beat := time.NewTicker(ackWait / 3)
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

func (h *held) inProgress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := range h.m {
		_ = m.InProgress() // settled in the meantime, or NATS is away: both are fine
	}
}

// deliveries is how often a message was delivered, this time included.
func deliveries(m jetstream.Msg) uint64 {
	md, err := m.Metadata()
	if err != nil {
		return 1
	}
	return md.NumDelivered
}
