package command

import (
	"context"
	"log/slog"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/proof"
	"millrace/reactor/repair"
)

type repairCmd struct {
	lakeFlags
	modelFlags
	limitFlags
	Yes    bool   `help:"Do it. Without it, the command shows what it would change and changes nothing."`
	Memory string `default:"256MiB" help:"Memory for the comparison; beyond it rows spill to disk."`
}

func (*repairCmd) Help() string {
	return `Silver and gold are what bronze gives: this command brings every table back to that, whoever changed it. Rows that another engine inserted
go, rows that it updated or deleted come back, of any day; so do rows of object versions that were deleted from bronze, and rows that a
model with a wrong lookback made.

The first table shows what changes: rows by table, their first keys and days, and the cause. With --yes it happens, in commits that say
made-by=repair and why. A reactor may be at work, and need not be. Right rows keep what other engines wrote into columns of their own.
Tables of other namespaces, tags and former snapshots stay; a repair that was stopped is finished by the next one.

It refuses while objects are hidden from the listing of bronze (reactor check names the command that shows them), and where an object
that is in silver cannot be read any more.

Examples:

  reactor repair            # shows what differs
  reactor repair --yes`
}

func (c *repairCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		return duck.Temporary(c.Memory, func(db *duck.DB) error {
			r := &repair.Repair{Lake: l.Lake, Bucket: l.Bucket, Models: set, Folder: c.named(), Limits: c.limits(), DB: db, Show: bars(out)}
			report, err := r.Look(ctx)
			if err != nil {
				return err
			}
			if err := printRepair(out, report); err != nil {
				return err
			}
			return c.apply(ctx, r, report)
		})
	})
}

// apply does what was shown, if that is asked for.
func (c *repairCmd) apply(ctx context.Context, r *repair.Repair, report proof.Report) error {
	logReport(report)
	if err := repair.Refusal(report); err != nil {
		return err
	}
	if report.Equal() {
		slog.Info("nothing differs: there is nothing to repair")
		return nil
	}
	if !c.Yes {
		slog.Info("nothing is changed; `reactor repair --yes` does it")
		return nil
	}
	if err := r.Apply(ctx); err != nil {
		return err
	}
	slog.Info("the tables are what bronze gives; `reactor check` proves it")
	return nil
}

// printRepair shows what a repair changes.
func printRepair(out *cli.Output, r proof.Report) error {
	var rows [][]any
	for _, v := range r.Verdicts {
		if v.Equal() {
			continue
		}
		rows = append(rows, []any{v.Table, v.Repaired.Inserted, v.Repaired.Deleted, v.Repaired.Updated, v.Days, orNil(v.From), orNil(v.To), orNil(firstWrong(v)), orNil(strings.Join(v.Causes, "; "))})
	}
	return out.Table([]string{"table", "inserted", "deleted", "updated", "days", "from", "to", "first_wrong", "cause"}, rows)
}
