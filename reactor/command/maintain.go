package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
	"millrace/reactor/tables"
	"millrace/reactor/upkeep"
)

type maintainCmd struct {
	lakeFlags
	modelFlags
	OlderThan time.Duration `name:"older-than" default:"24h" help:"Remove objects that no table names once they are this old; less than the longest commit or query takes is not safe beside a running reactor."`
	Abandoned bool          `help:"Remove them also where object storage holds later metadata than the catalog names, so the files of a catalog that is lost or was restored."`
	DryRun    bool          `name:"dry-run" help:"Only print what there is to do."`
}

func (*maintainCmd) Help() string {
	return "`reactor run` does the same by itself, in the pauses between events.\n\nExample:\n\n  reactor maintain --dry-run"
}

func (c *maintainCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		compacted := map[string]upkeep.Done{}
		if !c.DryRun {
			bar := out.Progress(-1, "compacting")
			err := c.compact(ctx, l.Lake, func(d upkeep.Done) {
				bar.Add(1)
				compacted[d.Table] = compacted[d.Table].Add(d)
			})
			bar.Done()
			if err != nil {
				return err
			}
		}
		bar := out.Progress(-1, "looking for orphans")
		tidy := upkeep.Tidy{Lake: l.Lake, OlderThan: c.OlderThan, Abandoned: c.Abandoned, DryRun: c.DryRun}
		all, refused, err := tidy.Run(ctx, func() { bar.Add(1) })
		bar.Done()
		if err != nil {
			return err
		}
		if err := printConditions(out, all, compacted); err != nil {
			return err
		}
		if refused != nil {
			slog.Warn("files were left alone", "reason", refused, "remove", "reactor maintain --abandoned")
			return fmt.Errorf("%w: if that catalog is gone for good, `reactor maintain --abandoned` removes its files", refused)
		}
		return nil
	})
}

func printConditions(out *cli.Output, all []upkeep.Condition, compacted map[string]upkeep.Done) error {
	var lines [][]any
	for _, c := range all {
		done := compacted[c.Table]
		lines = append(lines, []any{c.Table, c.Files, c.Manifests, c.Snapshots, done.Files, done.Manifests, done.Snapshots, c.Orphans, c.OrphanBytes})
	}
	return out.Table([]string{"table", "files", "manifests", "snapshots", "files_merged", "manifests_merged", "expired", "orphans", "orphan_bytes"}, lines)
}

// compact works until there is nothing left to merge.
func (c *maintainCmd) compact(ctx context.Context, l *lake.Lake, did func(upkeep.Done)) error {
	spill, err := duck.Scratch(c.Home.Home)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(spill) }()
	db, err := duck.Open(duck.Config{MemoryLimit: "112MiB", TempDir: spill})
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := c.tables(ctx)
	if err != nil {
		return err
	}
	compactor, err := upkeep.New(l, db, rows.New(l), tables)
	if err != nil {
		return err
	}
	defer compactor.Close()
	return compactor.All(ctx, did)
}

// tables are those whose rows have an order that is known: of the datasets and of the models.
func (c *maintainCmd) tables(ctx context.Context) ([]lake.Definition, error) {
	set, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	silver, _ := tables.OfSilver()
	return append(silver, tables.OfGold(set)...), nil
}
