package command

import (
	"context"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/announce"
	"millrace/reactor/branch"
	"millrace/reactor/lake"
	"millrace/reactor/stream"
)

type publishCmd struct {
	lakeFlags
	settings.NATS
	modelFlags
	limitFlags
	Name    string `arg:"" optional:"" help:"Branch, as replay --branch named it; without one the branches are listed."`
	Refresh bool   `help:"Where main has moved on, promote the same objects onto main as it is now, and publish that."`
	Drop    bool   `help:"Take the branch away instead."`
	Memory  string `default:"256MiB" help:"Memory for --refresh; beyond it rows spill to disk."`
}

func (*publishCmd) Help() string {
	return `Replaces main with a branch that reactor replay --branch made: all tables of silver and gold, the ledger and the pins move in one
transaction. A reader sees either all of it or nothing. A running reactor with the models that the branch was made with need not stop, and finds
nothing left to do. One with other models would compute the tables of these by its own again at once, so the command refuses then:
start the reactor with the new models first, or publish while no reactor runs (stack up --no-reactor).

A branch can be published while main is as it was when the branch was made. If main has changed since, the branch lacks its newer
rows: --refresh first makes the branch again from the same objects. It gives up if main changes faster than that.

Examples:

  reactor publish
  reactor publish new-decoder
  reactor publish new-decoder --drop`
}

func (c *publishCmd) Run(ctx context.Context, out *cli.Output) error {
	if c.Drop && c.Refresh {
		return cli.Usage("--drop takes the branch away: leave out --refresh")
	}
	if c.Name == "" && (c.Drop || c.Refresh) {
		return cli.Usage("name the branch: reactor publish NAME")
	}
	return c.withLake(ctx, func(l opened) error {
		switch {
		case c.Name == "":
			return printBranches(ctx, l.Lake, out)
		case c.Drop:
			if err := branch.Drop(ctx, l.Lake, c.Name); err != nil {
				return err
			}
			return out.Table([]string{"dropped"}, [][]any{{c.Name}})
		}
		return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error { return c.publish(ctx, l, js, out) })
	})
}

func (c *publishCmd) publish(ctx context.Context, l opened, js jetstream.JetStream, out *cli.Output) error {
	var refresh func(context.Context) error
	if c.Refresh {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		replay := &branch.Replay{Lake: l.Lake, Bucket: l.Bucket, Models: set, Limits: c.limits(), Memory: c.Memory, Show: bars(out)}
		refresh = func(ctx context.Context) error { return replay.Refresh(ctx, c.Name) }
	}
	alone := func(ctx context.Context) error { return stream.Alone(ctx, js) }
	b, err := branch.Publish(ctx, l.Lake, c.Name, alone, refresh)
	if err != nil {
		return err
	}
	if err := announce.ClearLetters(ctx, l.Lake, js); err != nil {
		slog.Warn("the branch is published; dead letters that it answers were not cleared", "error", err)
	}
	return out.Table([]string{"published", "events", "dead"}, [][]any{{b.Name, b.Events, b.Dead}})
}

func printBranches(ctx context.Context, l *lake.Lake, out *cli.Output) error {
	all, err := l.Branches(ctx)
	if err != nil {
		return err
	}
	var lines [][]any
	for _, b := range all {
		state := "ready"
		switch {
		case !b.Ready:
			state = "not complete"
		case len(b.Moved) > 0:
			state = "main has moved on"
		}
		lines = append(lines, []any{b.Name, state, b.Made, b.Run, b.Events, b.Dead, orNil(strings.Join(b.Moved, " "))})
	}
	return out.Table([]string{"branch", "state", "made_at", "run", "events", "dead", "moved"}, lines)
}
