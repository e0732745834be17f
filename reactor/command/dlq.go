package command

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/event"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

type dlqCmd struct {
	List  dlqListCmd  `cmd:"" help:"List dead letters with their reasons."`
	Show  dlqShowCmd  `cmd:"" help:"Show one dead letter, with its event."`
	Retry dlqRetryCmd `cmd:"" help:"Publish the events of dead letters again; a letter clears itself when its object is promoted."`
	Drop  dlqDropCmd  `cmd:"" help:"Drop dead letters for good; their objects stay in bronze."`
}

// letters runs f with the dead letters at hand.
func letters(ctx context.Context, n settings.NATS, f func(jetstream.JetStream, []stream.DeadLetter) error) error {
	return withEvents(ctx, n, func(js jetstream.JetStream) error {
		all, err := stream.DeadLettersOf(ctx, js, "")
		if err != nil {
			return err
		}
		return f(js, all)
	})
}

type dlqListCmd struct {
	settings.NATS
}

func (*dlqListCmd) Help() string { return "Example:\n\n  reactor dlq list" }

func (c *dlqListCmd) Run(ctx context.Context, out *cli.Output) error {
	return letters(ctx, c.NATS, func(_ jetstream.JetStream, all []stream.DeadLetter) error {
		var rows [][]any
		for _, l := range all {
			rows = append(rows, []any{l.Sequence, l.First, l.At, l.Consumer, objectOf(l), l.Attempts, l.Reason})
		}
		return out.Table([]string{"id", "first_at", "at", "consumer", "key", "attempts", "reason"}, rows)
	})
}

// objectOf is the object that a dead letter is about; a message that was no event at all has none.
func objectOf(l stream.DeadLetter) any {
	o, err := event.Unmarshal(l.Body)
	if err != nil {
		return nil
	}
	return o.Key
}

type dlqShowCmd struct {
	settings.NATS
	ID uint64 `arg:"" help:"Number of the dead letter, from dlq list."`
}

func (*dlqShowCmd) Help() string { return "Example:\n\n  reactor dlq show 3" }

func (c *dlqShowCmd) Run(ctx context.Context, out *cli.Output) error {
	return letters(ctx, c.NATS, func(_ jetstream.JetStream, all []stream.DeadLetter) error {
		for _, l := range all {
			if l.Sequence == c.ID {
				return out.Table([]string{"id", "first_at", "at", "consumer", "subject", "attempts", "reason", "event_id", "event"}, [][]any{
					{l.Sequence, l.First, l.At, l.Consumer, l.Subject, l.Attempts, l.Reason, orNil(l.EventID), string(l.Body)},
				})
			}
		}
		return noLetter(c.ID)
	})
}

// noLetter says that no dead letter has a number. A letter that comes again has another one.
func noLetter(id uint64) error {
	return fmt.Errorf("%w: %d; `reactor dlq list` shows their numbers, and a letter that comes again gets a new one", stream.ErrNoDeadLetter, id)
}

// chosen picks dead letters by number, or all of them.
type chosen struct {
	ID  []uint64 `arg:"" optional:"" help:"Numbers of the dead letters, from dlq list."`
	All bool     `help:"All dead letters."`
}

func (c chosen) of(all []stream.DeadLetter) ([]stream.DeadLetter, error) {
	if c.All == (len(c.ID) > 0) {
		return nil, cli.Usage("name the dead letters by number, or give --all")
	}
	if c.All {
		return all, nil
	}
	byID := map[uint64]stream.DeadLetter{}
	for _, l := range all {
		byID[l.Sequence] = l
	}
	var some []stream.DeadLetter
	for _, id := range c.ID {
		l, ok := byID[id]
		if !ok {
			return nil, noLetter(id)
		}
		some = append(some, l)
	}
	return some, nil
}

type dlqRetryCmd struct {
	settings.NATS
	chosen
}

func (*dlqRetryCmd) Help() string {
	return "Example:\n\n  reactor dlq retry 3\n  reactor dlq retry --all"
}

func (c *dlqRetryCmd) Run(ctx context.Context, out *cli.Output) error {
	return letters(ctx, c.NATS, func(js jetstream.JetStream, all []stream.DeadLetter) error {
		some, err := c.of(all)
		if err != nil {
			return err
		}
		for _, l := range some {
			if err := stream.Retry(ctx, js, l, tables.Subject); err != nil {
				return err
			}
		}
		return out.Table([]string{"retried"}, [][]any{{len(some)}})
	})
}

type dlqDropCmd struct {
	settings.NATS
	chosen
}

func (*dlqDropCmd) Help() string {
	return "Example:\n\n  reactor dlq drop 3"
}

func (c *dlqDropCmd) Run(ctx context.Context, out *cli.Output) error {
	return letters(ctx, c.NATS, func(js jetstream.JetStream, all []stream.DeadLetter) error {
		some, err := c.of(all)
		if err != nil {
			return err
		}
		for _, l := range some {
			if err := stream.Drop(ctx, js, l.Sequence); err != nil {
				return err
			}
		}
		return out.Table([]string{"dropped"}, [][]any{{len(some)}})
	})
}
