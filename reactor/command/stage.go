package command

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/branch"
	"millrace/reactor/reconcile"
)

type stageCmd struct {
	lakeFlags
	modelFlags
	Name    string     `arg:"" help:"Name of the new branch."`
	Dataset string     `placeholder:"SOURCE/DATASET" help:"Only objects of this dataset, such as coincap/assets."`
	From    bronze.Day `placeholder:"YYYY-MM-DD" help:"Only objects with this ingest date or a later one."`
	To      bronze.Day `placeholder:"YYYY-MM-DD" help:"Only objects with this ingest date or an earlier one."`
}

func (*stageCmd) Help() string {
	return `Makes a branch of all tables for another engine to write onto, and prints the objects that it is to bring there, with the name of
the run and the number of the step that its snapshots must have. No reader of main sees the branch. infra/spark/rebuild.py runs this,
writes silver and gold onto the branch, and runs reactor adopt; reactor publish makes it main.

Example:

  reactor stage ten-years --output json`
}

func (c *stageCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		r := &branch.Replay{Lake: l.Lake, Bucket: l.Bucket, Models: set, Show: bars(out)}
		s, err := r.Stage(ctx, c.Name, reconcile.Select(ctx, l.Bucket, reconcile.Selection{Dataset: c.Dataset, From: c.From, To: c.To}))
		if err != nil {
			return err
		}
		var lines [][]any
		for _, dataset := range slices.Sorted(maps.Keys(s.Objects)) {
			for _, o := range s.Objects[dataset] {
				lines = append(lines, []any{s.Run, s.Step, dataset, string(o.ID()), o.Bucket, o.Key, o.Version, o.ModifiedAt, o.ETag, o.Size})
			}
		}
		slog.Info("made a branch", "branch", c.Name, "run", s.Run, "objects", len(lines))
		return out.Table([]string{"run", "step", "dataset", "event", "bucket", "key", "version", "modified_at", "etag", "size"}, lines)
	})
}
