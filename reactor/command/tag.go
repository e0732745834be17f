package command

import (
	"context"
	"maps"
	"slices"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/lake"
)

type tagCmd struct {
	lakeFlags
	Table    string `arg:"" help:"Table, such as gold.rankings."`
	Name     string `arg:"" optional:"" help:"Name of the tag; without one the tags are listed."`
	Snapshot string `placeholder:"NUMBER|TAG|TIME" help:"Snapshot to tag: its number, another tag, or a time (default: the current one)."`
	Drop     bool   `help:"Drop the tag; its snapshot expires in its turn."`
}

func (*tagCmd) Help() string {
	return `A tagged snapshot and its files are kept for ever, and every command that asks for a snapshot takes the tag. The reactor itself
tags the last snapshot of each day as day-2026-01-31. A tag does not move: to give its name to another snapshot, drop it first.

Examples:

  reactor tag gold.rankings
  reactor tag gold.rankings before-migration
  reactor tag gold.rankings published --snapshot 2026-01-31T12:00:00Z
  reactor tag gold.rankings before-migration --drop`
}

func (c *tagCmd) Run(ctx context.Context, out *cli.Output) error {
	if c.Name == "" && (c.Drop || c.Snapshot != "") {
		return cli.Usage("name the tag: reactor tag %s NAME", c.Table)
	}
	if c.Drop && c.Snapshot != "" {
		return cli.Usage("--drop takes the tag away wherever it is: leave out --snapshot")
	}
	if c.Name != "" && !c.Drop {
		if err := lake.CheckRefName(c.Name); err != nil {
			return cli.Usage("%v", err)
		}
	}
	return c.withLake(ctx, func(l opened) error {
		t, err := l.OnTable(ctx, c.Table, func(t *lake.Table) error {
			switch {
			case c.Name == "":
				return nil
			case c.Drop:
				return l.DropTag(ctx, t, c.Name)
			}
			s, err := t.FindThere(ctx, c.Snapshot)
			if err != nil {
				return err
			}
			return l.Tag(ctx, t, c.Name, s)
		})
		if err != nil {
			return err
		}
		return printRefs(ctx, out, l.Lake, t)
	})
}

// printRefs prints the names that a table's snapshots have, oldest snapshot first.
func printRefs(ctx context.Context, out *cli.Output, l *lake.Lake, t *lake.Table) error {
	kinds, snapshots := map[string]string{}, map[string]int64{}
	for name, ref := range t.Meta.Refs() {
		kinds[name], snapshots[name] = string(ref.SnapshotRefType), ref.SnapshotID
	}
	var rows [][]any
	for _, name := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		s, o := t.Meta.SnapshotByID(snapshots[a]), t.Meta.SnapshotByID(snapshots[b])
		if s != nil && o != nil && s.SequenceNumber != o.SequenceNumber {
			return int(s.SequenceNumber - o.SequenceNumber)
		}
		return slices.Compare([]string{a}, []string{b})
	}) {
		row := []any{name, kinds[name], snapshots[name], nil, nil}
		if s := t.Meta.SnapshotByID(snapshots[name]); s != nil {
			n, err := l.Rows(ctx, t, s)
			if err != nil {
				return err
			}
			row[3], row[4] = time.UnixMilli(s.TimestampMs), n
		}
		rows = append(rows, row)
	}
	return out.Table([]string{"name", "kind", "snapshot", "committed_at", "rows"}, rows)
}
