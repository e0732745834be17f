package command

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"

	"millrace/infra/cli"
	"millrace/reactor/branch"
)

type adoptCmd struct {
	lakeFlags
	modelFlags
	limitFlags
	Name    string `arg:"" help:"Branch that reactor stage made."`
	Covered string `arg:"" type:"existingfile" placeholder:"FILE" help:"The objects that are on the branch, a line of JSON each as reactor stage prints it, with dead where one cannot be read."`
	Memory  string `default:"256MiB" help:"Memory for computing gold; beyond it rows spill to disk."`
}

func (*adoptCmd) Help() string {
	return `Takes note of what another engine has written onto a branch, so that reactor publish can make it main: the ledger entry of each object,
and gold as this program computes it from the branch's silver. Two engines' doubles differ in their last bits; rows that differ there
are written anew, so that no table depends on who wrote it. A row that differs in anything else is an error. It prints, by table, how
many rows that were, how far they were off, and in how many rows which column.

Example:

  reactor adopt ten-years covered.jsonl && reactor publish ten-years`
}

func (c *adoptCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) (err error) {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		f, err := os.Open(c.Covered)
		if err != nil {
			return fmt.Errorf("read which objects are covered: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		r := &branch.Replay{Lake: l.Lake, Bucket: l.Bucket, Models: set, Limits: c.limits(), Memory: c.Memory, Show: bars(out)}
		n, settled, err := r.Adopt(ctx, c.Name, covered(lines(f, c.Bucket)))
		if err != nil {
			return err
		}
		slog.Info("the branch can be published", "branch", c.Name, "objects", n, "publish", "reactor publish "+c.Name)
		var rows [][]any
		for _, s := range settled {
			rows = append(rows, []any{s.Table, s.Rows, s.Worst, orNil(s.Where())})
		}
		return out.Table([]string{"table", "rows_settled", "worst_relative", "columns"}, rows)
	})
}

// covered turns lines into the objects that a branch has.
func covered(lines iter.Seq2[objectLine, error]) iter.Seq2[branch.Covered, error] {
	return func(yield func(branch.Covered, error) bool) {
		for line, err := range lines {
			c := branch.Covered{Object: line.Object}
			if line.Dead != nil {
				c.Dead = *line.Dead
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}
