package stream

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"millrace/infra/streams"
	"millrace/reactor/event"
)

// Consumer delivers the events of some subjects to one promoter.
type Consumer struct {
	JS       jetstream.JetStream
	Log      *slog.Logger
	Name     string // of the durable consumer; its dead letters are in lake.dlq.<name>
	Subjects []string
	// Handle works on a batch and returns an error for each delivery. nil means done, an event.DeadError dead; an event with any
	// other error is delivered again after a delay.
	Handle func(context.Context, []event.Delivery) []error
	// Idle, when set, runs in a pause after work on live events, never at the same time as Handle for them. Its context ends when
	// an event comes. If there is no pause, it runs uninterrupted after every 64th batch, so it should be short.
	Idle func(context.Context)
	// Letters, when set, is told which events are done, and knows which events have died before.
	Letters *Letters
	// Stuck, when set, is told which events fail and which are settled.
	Stuck *Stuck
	// Buried, when set, is called for each stored dead letter with the reason.
	Buried func(consumer string, reason error)

	turn sync.Mutex // live events and events published again take turns
	live backlog    // of live events
}

// Waiting returns the number of live events that are in the stream or delivered, and not settled yet, as far as this process knows. It is 0 for a consumer that another reactor is pinned to.
func (c *Consumer) Waiting() int { return c.live.waiting() }

// Run delivers one batch at a time until ctx ends. It acknowledges a delivery after Handle has returned, so after the commit. Live
// events and events published again take turns, so a live event waits for one batch of the others at most.
func (c *Consumer) Run(ctx context.Context) error {
	again := make([]string, len(c.Subjects))
	for i, s := range c.Subjects {
		again[i] = AgainSubject(s)
	}
	var g errgroup.Group
	g.Go(func() error {
		return c.run(ctx, consumer{stream: streams.Events, name: c.Name, subjects: c.Subjects, log: c.Log, idle: c.Idle, stuck: c.Stuck, backlog: &c.live})
	})
	g.Go(func() error {
		return c.run(ctx, consumer{stream: streams.Again, name: c.Name, subjects: again, log: c.Log, stuck: c.Stuck})
	})
	return g.Wait()
}

func (c *Consumer) run(ctx context.Context, cfg consumer) error {
	return consume(ctx, c.JS, cfg, func(ctx context.Context, batch []message) {
		var deliveries []event.Delivery
		var messages []message
		for _, m := range batch {
			if m.err != nil {
				c.settle(ctx, m, event.DeadAs(event.Malformed, "%v", m.err))
				continue
			}
			deliveries, messages = append(deliveries, m.delivery()), append(messages, m)
		}
		if len(deliveries) == 0 {
			return
		}
		c.turn.Lock()
		ended := c.Stuck.Begun(c.Name, deliveries, time.Now())
		errs := c.Handle(ctx, deliveries)
		ended()
		c.turn.Unlock()
		defer c.done(deliveries, errs)
		for i, m := range messages {
			if ctx.Err() != nil && errs[i] != nil {
				return // interrupted, not failed: the next start gets it at once and counts no failure
			}
			c.settle(ctx, m, errs[i])
		}
	})
}

// done tells the keeper of dead letters which events are done.
func (c *Consumer) done(deliveries []event.Delivery, errs []error) {
	if c.Letters == nil {
		return
	}
	var objects []event.Object
	for i, d := range deliveries {
		if errs[i] == nil {
			objects = append(objects, d.Object)
		}
	}
	c.Letters.Done(objects...)
}

// earlier returns the earlier dead letter of a message's event.
func (c *Consumer) earlier(m message) kept {
	if m.err != nil {
		return kept{}
	}
	k, _ := c.Letters.earlier(c.Name, m.object)
	return k
}

func (c *Consumer) settle(ctx context.Context, m message, err error) {
	delivered := deliveries(m)
	action, delay := event.Outcome(err, delivered)
	switch action {
	case event.Done:
		c.Stuck.Settled(c.Name, m.object)
		_ = m.Ack() // if the ack is lost, the next delivery finds nothing to change
	case event.Retry:
		c.Stuck.Failed(c.Name, m.object, delivered, err, time.Now())
		c.Log.Warn("event failed; it is delivered again", "consumer", c.Name, "attempt", delivered, "in", delay, "error", err)
		_ = m.NakWithDelay(delay)
	case event.Dead:
		if buryErr := bury(ctx, c.JS, buriedOf(m, c.Name, err.Error(), c.earlier(m))); buryErr != nil {
			c.Stuck.Failed(c.Name, m.object, delivered, fmt.Errorf("store its dead letter: %w", buryErr), time.Now())
			c.Log.Error("store dead letter", "consumer", c.Name, "error", buryErr)
			_ = m.NakWithDelay(event.RetryDelay(delivered))
			return
		}
		c.Stuck.Settled(c.Name, m.object)
		c.Log.Warn("dead letter", "consumer", c.Name, "reason", err)
		if c.Buried != nil {
			c.Buried(c.Name, err)
		}
		_ = m.Ack()
	}
}
