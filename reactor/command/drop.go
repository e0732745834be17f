package command

import (
	"context"
	"fmt"
	"log/slog"

	"millrace/infra/cli"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
)

type dropCmd struct {
	lakeFlags
	Table string `arg:"" help:"Table of gold whose model is gone, such as gold.my_table."`
}

func (*dropCmd) Help() string {
	return "Removes a gold table from the catalog, with its history, and deletes its objects. It drops only a table whose model is gone, because the reactor would make any other table again at its next start.\n\nExample:\n\n  reactor drop gold.my_table"
}

func (c *dropCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		t, err := l.table(ctx, c.Table)
		if err != nil {
			return err
		}
		if promote.StateOf(t) != "gone" {
			own, err := modelFlags{}.load(ctx)
			if err != nil {
				return err
			}
			if _, builtIn := own.Model(c.Table); builtIn {
				return fmt.Errorf("drop %s: its model comes with the program, and the reactor would make it again: only tables of own models can be dropped", c.Table)
			}
			return fmt.Errorf("drop %s: a model keeps it up: take the model's file out of MILLRACE_MODELS and start the reactor, then drop the table", c.Table)
		}
		had := any(nil) // where files of it are gone
		if n, err := l.Rows(ctx, t, t.Snapshot()); err == nil {
			had = n
		}
		var objects []lake.Orphan
		for o, err := range l.Objects(ctx, c.Table) {
			if err != nil {
				return err
			}
			objects = append(objects, o)
		}
		if err := l.Forget(ctx, []string{c.Table}, nil, false); err != nil {
			return err
		}
		n, err := l.RemoveOrphans(ctx, objects)
		if err != nil {
			slog.Warn("the table is dropped, and some of its objects stay", "table", c.Table, "removed", n, "error", err)
		}
		return out.Table([]string{"table", "rows", "objects_removed"}, [][]any{{c.Table, had, n}})
	})
}
