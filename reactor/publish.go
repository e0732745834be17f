package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
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
	return `Makes main what a branch of reactor replay --branch is: all tables of silver and gold, the ledger and the pins, in one transaction. A
reader sees either all of it or nothing. The running reactor need not stop, and finds nothing left to do.

A branch can be published while main is what it was when the branch was made. Where main has moved on, its newer rows are not in the
branch: --refresh makes it anew from the same objects first, and gives up when main moves faster than that.

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
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		switch {
		case c.Name == "":
			return printBranches(ctx, l, out)
		case c.Drop:
			if _, err := find(ctx, l, c.Name); err != nil {
				return err
			}
			if err := withoutConflict(ctx, func() error { return l.DropBranch(ctx, c.Name) }); err != nil {
				return err
			}
			return out.Table([]string{"dropped"}, [][]any{{c.Name}})
		}
		return c.publish(ctx, l, client, out)
	})
}

// refreshes is how often a branch is made anew because main has moved on: each time less can have come meanwhile.
const refreshes = 5

func (c *publishCmd) publish(ctx context.Context, l *lake.Lake, client *minio.Client, out *cli.Output) error {
	js, closeNATS, err := jetStream(ctx, c.NATS)
	if err != nil {
		return err
	}
	defer closeNATS()
	var b lake.BranchInfo
	for attempt := 0; ; attempt++ {
		if b, err = find(ctx, l, c.Name); err != nil {
			return err
		}
		err := withoutConflict(ctx, func() error { return l.Publish(ctx, c.Name) })
		if err == nil {
			break
		}
		if !errors.Is(err, lake.ErrMoved) {
			return err
		}
		if !c.Refresh || attempt == refreshes {
			return fmt.Errorf("%w; `reactor publish %s --refresh` promotes the same objects onto main as it is now, and publishes that", err, c.Name)
		}
		slog.Info("main has moved on: the branch is made anew", "branch", c.Name)
		if err := c.refresh(ctx, l, client, out); err != nil {
			return err
		}
	}
	if err := clearLetters(ctx, l, js); err != nil {
		slog.Warn("the branch is published; dead letters that it answers were not cleared", "error", err)
	}
	return out.Table([]string{"published", "events", "dead"}, [][]any{{b.Name, b.Events, b.Dead}})
}

// refresh makes the branch anew, from the objects that it was made of.
func (c *publishCmd) refresh(ctx context.Context, l *lake.Lake, client *minio.Client, out *cli.Output) error {
	set, err := c.load(ctx)
	if err != nil {
		return err
	}
	wanted := map[event.ID]bool{}
	if err := l.Staged(ctx, c.Name, func(e lake.Entry) error { wanted[event.ID(e.EventID)] = true; return nil }); err != nil {
		return err
	}
	objects := chosenObjects(reconcile.Objects(ctx, client, c.Bucket, ""), wanted)
	if err := withoutConflict(ctx, func() error { return l.DropBranch(ctx, c.Name) }); err != nil {
		return err
	}
	b := &branchReplay{lake: l, client: client, set: set, limits: c.limits(), memory: c.Memory, out: out}
	_, err = b.run(ctx, c.Name, objects)
	return err
}

func chosenObjects(all iter.Seq2[event.Object, error], wanted map[event.ID]bool) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		for o, err := range all {
			if err == nil && !wanted[o.ID()] {
				continue
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// clearLetters drops the dead letters of objects that are in silver by now.
func clearLetters(ctx context.Context, l *lake.Lake, js jetstream.JetStream) error {
	letters, err := stream.DeadLettersOf(ctx, js, "")
	if err != nil {
		return err
	}
	answered := void(l)
	for _, d := range letters {
		o, err := event.Unmarshal(d.Body)
		if err != nil {
			continue
		}
		ok, err := answered(ctx, o)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := stream.Drop(ctx, js, d.Sequence); err != nil && !errors.Is(err, stream.ErrNoDeadLetter) {
			return err
		}
	}
	return nil
}

// find is a branch by its name.
func find(ctx context.Context, l *lake.Lake, name string) (lake.BranchInfo, error) {
	all, err := l.Branches(ctx)
	if err != nil {
		return lake.BranchInfo{}, err
	}
	for _, b := range all {
		if b.Name == name {
			return b, nil
		}
	}
	return lake.BranchInfo{}, fmt.Errorf("%w: %s; `reactor publish` lists those there are", lake.ErrNoBranch, name)
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
