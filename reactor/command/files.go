package command

import (
	"context"
	"time"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/lake"
)

type filesCmd struct {
	lakeFlags
	Table string     `arg:"" help:"Table, such as silver.asset_prices."`
	From  bronze.Day `placeholder:"YYYY-MM-DD" help:"Only files that a read of this day or later ones opens."`
	To    bronze.Day `placeholder:"YYYY-MM-DD" help:"Only files that a read of this day or earlier ones opens."`
}

func (*filesCmd) Help() string {
	return `Lists the data files of a table. Each keeps the partition that it was written with, also where the table has another one by now. With --from
and --to it lists those that a reader of these days opens, whatever engine reads: the others are left out by their partition, or by the
first and last time of their rows, which is the time of a row in silver and the day in gold.

Example:

  reactor files silver.asset_prices --from 2026-01-01 --to 2026-01-31`
}

func (c *filesCmd) Run(ctx context.Context, out *cli.Output) error {
	if !c.To.IsZero() && c.To.Before(c.From) {
		return cli.Usage("--from %s is after --to %s", c.From, c.To)
	}
	return c.withLake(ctx, func(l opened) error {
		t, err := l.table(ctx, c.Table)
		if err != nil {
			return err
		}
		files, err := c.files(ctx, l.Lake, t)
		if err != nil {
			return err
		}
		var lines [][]any
		for _, f := range files {
			p, err := t.Place(f)
			if err != nil {
				return err
			}
			lines = append(lines, []any{p.Spec, orNil(p.Partition), deref(p.First), deref(p.Last), f.Rows(), f.Bytes(), f.Path()})
		}
		return out.Table([]string{"divided_by", "partition", "first", "last", "rows", "bytes", "file"}, lines)
	})
}

// files are those of the days.
func (c *filesCmd) files(ctx context.Context, l *lake.Lake, t *lake.Table) ([]lake.File, error) {
	if c.From.IsZero() && c.To.IsZero() {
		return l.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	}
	from, to := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	if !c.From.IsZero() {
		from = c.From.Start()
	}
	if !c.To.IsZero() {
		to = c.To.Start().AddDate(0, 0, 1)
	}
	return l.Between(ctx, t, t.Snapshot(), from, to)
}
