package stream

import (
	"context"
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
	Name     string // of the durable consumer, and of its dead letters: lake.dlq.<name>
	Subjects []string
	// Handle works on a batch and returns one error for each delivery: nil is done, event.DeadError dead, all else is
	// delivered again after a delay.
	Handle func(context.Context, []event.Delivery) []error
	// Idle, when set, runs in a pause after work on live events, on the same goroutine as Handle for them; its context ends
	// when an event comes. Without any pause it runs after every 64th batch, uninterrupted, so it should be short.
	Idle func(context.Context)
	// Letters, when set, is told of what is done, and knows which events have died before.
	Letters *Letters
	// Stuck, when set, is told of what fails and what is settled.
	Stuck *Stuck
	// Buried, when set, is told of each dead letter that was stored, and why.
	Buried func(consumer string, reason error)

	turn sync.Mutex // whose batch is being worked on: the live events' or those published again
}

// Run delivers until ctx ends, one batch at a time. A delivery is acknowledged after Handle has returned for it, so after its commit.
// Events that were published again take turns with live ones, so that these wait for one batch of them at the most.
func (c *Consumer) Run(ctx context.Context) error {
	again := make([]string, len(c.Subjects))
	for i, s := range c.Subjects {
		again[i] = AgainSubject(s)
	}
	var g errgroup.Group
	g.Go(func() error {
		return c.run(ctx, consumer{stream: streams.Events, name: c.Name, subjects: c.Subjects, log: c.Log, idle: c.Idle})
	})
	g.Go(func() error {
		return c.run(ctx, consumer{stream: streams.Again, name: c.Name, subjects: again, log: c.Log})
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
		errs := c.Handle(ctx, deliveries)
		c.turn.Unlock()
		defer c.done(deliveries, errs)
		for i, m := range messages {
			if ctx.Err() != nil && errs[i] != nil {
				return // interrupted, not failed: the next start gets it at once, with no mark against it
			}
			c.settle(ctx, m, errs[i])
		}
	})
}

// done tells the keeper of dead letters what went well.
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

// earlier is the letter that a message's event has already.
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
		_ = m.Ack() // lost: delivered once more, found unchanged
	case event.Retry:
		c.Stuck.Failed(c.Name, m.object, delivered, err, time.Now())
		c.Log.Warn("event failed, is retried", "consumer", c.Name, "attempt", delivered, "in", delay, "error", err)
		_ = m.NakWithDelay(delay)
	case event.Dead:
		if buryErr := bury(ctx, c.JS, buriedOf(m, c.Name, err.Error(), c.earlier(m))); buryErr != nil {
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
