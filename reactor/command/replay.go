package command

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/reactor/announce"
	"millrace/reactor/branch"
	"millrace/reactor/event"
	"millrace/reactor/progress"
	"millrace/reactor/query"
	"millrace/reactor/silver/datasets"
)

type replayCmd struct {
	lakeFlags
	settings.NATS
	modelFlags
	limitFlags
	Dataset     string        `placeholder:"SOURCE/DATASET" help:"Only objects of this dataset, such as coincap/assets."`
	From        bronze.Day    `placeholder:"YYYY-MM-DD" help:"Only objects with this ingest date or a later one."`
	To          bronze.Day    `placeholder:"YYYY-MM-DD" help:"Only objects with this ingest date or an earlier one."`
	Key         string        `placeholder:"OBJECT" help:"Only this object."`
	DeadLetters bool          `name:"dead-letters" help:"Only objects that are dead letters."`
	Branch      string        `placeholder:"NAME" help:"Promote onto this new branch, here and now, and show how it differs; reactor publish makes it main."`
	Anew        bool          `help:"With --branch and --dataset: begin with an empty table, because its definition has another key."`
	DryRun      bool          `name:"dry-run" help:"Publish nothing: count the objects by dataset and ingest date."`
	Wait        bool          `help:"Wait until all of them are promoted, gold included."`
	Timeout     time.Duration `default:"1h" help:"Give up waiting after this time."`
	Memory      string        `default:"256MiB" help:"Memory for --branch; beyond it rows spill to disk."`
}

func (*replayCmd) Help() string {
	return `The reactor handles every event again from the object itself, and writes only what has changed. A changed decoder, dataset or model takes
effect, a rolled-back table comes back, and a dead letter whose object can be read now clears itself.

With --branch this command promotes the objects itself, without the reactor, with this program's decoders and the models of --models. It
writes a branch of all tables that no reader of main sees (write, audit, publish). Look at it with reactor changes TABLE --from main
--to NAME or reactor query --snapshot TABLE=NAME. Then run reactor publish NAME, or reactor publish NAME --drop. With --anew the table of
--dataset begins empty there: that is how it gets another key.

Examples:

  reactor replay --dataset coincap/history --from 2026-01-01 --to 2026-01-31 --wait
  reactor replay --dead-letters --dry-run
  reactor replay --dataset coincap/assets --branch new-decoder
  reactor replay --dataset shop/orders --anew --branch new-key`
}

func (c *replayCmd) Run(ctx context.Context, out *cli.Output) error {
	if c.Branch != "" && (c.DryRun || c.Wait) {
		return cli.Usage("--branch works on the objects itself, and waits: leave out --dry-run and --wait")
	}
	if c.Anew && (c.Branch == "" || c.Dataset == "" || c.Key != "" || c.DeadLetters || !c.From.IsZero() || !c.To.IsZero()) {
		return cli.Usage("--anew makes a table of all objects of its dataset, on a branch: give --dataset and --branch, and neither days nor keys")
	}
	if !c.To.IsZero() && c.To.Before(c.From) {
		return cli.Usage("--from %s is after --to %s", c.From, c.To)
	}
	return c.withLake(ctx, func(l opened) error {
		if !c.needsEvents() {
			return c.run(ctx, l, nil, out)
		}
		return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error { return c.run(ctx, l, js, out) })
	})
}

// needsEvents tells whether there is something to ask the broker: a dry run and a branch need only bronze, unless dead
// letters choose the objects.
func (c *replayCmd) needsEvents() bool { return c.DeadLetters || !c.DryRun && c.Branch == "" }

// run replays; js is nil where needsEvents says no.
func (c *replayCmd) run(ctx context.Context, l opened, js jetstream.JetStream, out *cli.Output) error {
	objects := c.objects(ctx, l, js)
	switch {
	case c.DryRun:
		return c.printCounts(out, objects)
	case c.Branch != "":
		return c.onBranch(ctx, l, objects, out)
	}
	bar := out.Progress(-1, "publishing")
	run, n, err := announce.Replay{Lake: l.Lake, Bucket: l.Bucket, JS: js}.Run(ctx, objects, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	if n == 0 {
		if err := c.nothing(); err != nil {
			return err
		}
	}
	if c.Wait {
		ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("replay %s is not through after %v", run, c.Timeout))
		defer cancel()
		if err := progress.AwaitRun(ctx, l.Lake, run, n, bars(out)); err != nil {
			return err
		}
	}
	return out.Table([]string{"run", "events"}, [][]any{{run, n}})
}

// nothing says why no object is replayed. An object that is not there is an error. A dataset that nobody knows may have had objects
// yesterday, so its name is only warned of.
func (c *replayCmd) nothing() error {
	if c.Key != "" && !c.DeadLetters {
		return fmt.Errorf("there is no object %s in bronze", c.Key)
	}
	if err := c.knownDataset(); err != nil {
		slog.Warn("nothing to replay: " + err.Error())
	}
	return nil
}

// knownDataset refuses the name of a dataset that silver does not know.
func (c *replayCmd) knownDataset() error {
	if _, known := datasets.Find(c.Dataset); c.Dataset == "" || known {
		return nil
	}
	var names []string
	for _, d := range datasets.All() {
		names = append(names, d.Name)
	}
	return fmt.Errorf("there is no dataset %s; there are %s", c.Dataset, strings.Join(names, ", "))
}

// onBranch promotes the objects onto a new branch, and shows how that differs from main.
func (c *replayCmd) onBranch(ctx context.Context, l opened, objects iter.Seq2[event.Object, error], out *cli.Output) error {
	if err := c.knownDataset(); err != nil {
		return err
	}
	set, err := c.load(ctx)
	if err != nil {
		return err
	}
	r := &branch.Replay{Lake: l.Lake, Bucket: l.Bucket, Models: set, Limits: c.limits(), Memory: c.Memory, Show: bars(out)}
	if c.Anew {
		r.Anew, _ = datasets.Find(c.Dataset)
	}
	run, err := r.Onto(ctx, c.Branch, objects)
	if err != nil {
		return err
	}
	slog.Info("replayed onto a branch", "branch", c.Branch, "run", run, "publish", "reactor publish "+c.Branch)
	compared, err := r.Compare(ctx, c.Branch)
	if err != nil {
		return err
	}
	var lines [][]any
	for _, d := range compared {
		lines = append(lines, []any{d.Table, d.RowsMain, d.RowsBranch, d.Changes[query.Inserted], d.Changes[query.Deleted], d.Changes[query.Updated]})
	}
	return out.Table([]string{"table", "rows_main", "rows_branch", "inserted", "deleted", "updated"}, lines)
}
