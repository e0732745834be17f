package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/branch"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/proof"
	"millrace/reactor/reconcile"
)

type checkCmd struct {
	lakeFlags
	modelFlags
	limitFlags
	Branch  string        `placeholder:"NAME" help:"Prove this branch in place of main, before reactor publish makes it main."`
	Memory  string        `default:"256MiB" help:"Memory for the comparison; beyond it rows spill to disk."`
	Timeout time.Duration `default:"1m" help:"How long to wait for gold to catch up with silver."`
}

func (*checkCmd) Help() string {
	return `Decodes every object in bronze again, computes all tables from these rows and compares every row. The lake may be in use. The exit code is 1 if anything differs.

Of a table that differs it says why (cause), which snapshot of another engine did it and what that engine says of itself (made_by), the
first rows and their day, and what mends it (mends). That is reactor repair, unless objects are hidden from the listing. If the reactor
cannot compute the table's model, or made the table by another model than the one here, it names the file and says what to do.

With --branch it proves a branch that reactor replay --branch or another engine made: the objects that the branch was made of, and those
that main had.

Examples:

  reactor check
  reactor check --branch ten-years
  reactor check --output json`
}

func (c *checkCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		return duck.Temporary(c.Memory, func(db *duck.DB) error {
			bar := out.Progress(-1, "decoding")
			defer bar.Done()
			check := &proof.Check{Lake: l.Lake, Bucket: l.Bucket, Branch: c.Branch, Models: set, Folder: c.named(), DB: db, Limits: c.limits(), Progress: bar.Add}
			report, err := c.run(ctx, l, check)
			bar.Done()
			if err != nil {
				return err
			}
			return errors.Join(printReport(out, report), warnOfDrift(ctx, l.Lake))
		})
	})
}

// run checks an instant at which gold had caught up.
func (c *checkCmd) run(ctx context.Context, l opened, check *proof.Check) (proof.Report, error) {
	if c.Branch != "" {
		return c.runBranch(ctx, l, check)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("it did not catch up within %v; the log of `reactor run` tells more", c.Timeout))
	defer cancel()
	view, err := progress.AwaitCurrent(waiting, l.Lake)
	if err != nil {
		return proof.Report{}, err
	}
	listed, err := proof.Listed(ctx, l.Bucket)
	if err != nil {
		return proof.Report{}, err
	}
	return check.Run(ctx, view, listed, time.Now())
}

// runBranch checks a branch that is complete, and that main has not left behind.
func (c *checkCmd) runBranch(ctx context.Context, l opened, check *proof.Check) (proof.Report, error) {
	b, err := branch.Find(ctx, l.Lake, c.Branch)
	switch {
	case err != nil:
		return proof.Report{}, err
	case !b.Ready:
		return proof.Report{}, fmt.Errorf("check branch %s: %w", c.Branch, lake.ErrNotReady)
	case len(b.Moved) > 0:
		return proof.Report{}, fmt.Errorf("check branch %s: %w, in %s: there is nothing to prove it against", c.Branch, lake.ErrMoved, strings.Join(b.Moved, ", "))
	}
	if check.Lake, err = l.OnBranch(ctx, c.Branch); err != nil {
		return proof.Report{}, err
	}
	view, err := check.Lake.View(ctx)
	if err != nil {
		return proof.Report{}, err
	}
	listed, err := proof.Listed(ctx, l.Bucket)
	if err != nil {
		return proof.Report{}, err
	}
	return check.Compare(ctx, view, listed, time.Now())
}

// warnOfDrift says what no comparison with bronze can: that the objects themselves have changed.
func warnOfDrift(ctx context.Context, l *lake.Lake) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		if text := driftOf(view.Tables[name]); text != "" {
			slog.Warn("the newest objects of "+name+" differ from those before; the table is what bronze gives all the same", "how", text)
		}
	}
	return nil
}

// errUnequal makes the exit code 1.
var errUnequal = errors.New("the tables are not what bronze gives")

func printReport(out *cli.Output, r proof.Report) error {
	var rows [][]any
	for _, v := range r.Verdicts {
		row := []any{v.Table, v.Rows, v.Digest, v.Missing, v.Excess, v.Equal(), orNil(strings.Join(v.Causes, "; ")), nil, nil, orNil(wrongDay(v)), orNil(firstWrong(v)), orNil(v.Mends)}
		if v.Foreign != nil {
			row[7], row[8] = v.Foreign.By, v.Foreign.Snapshot
		}
		rows = append(rows, row)
	}
	if err := out.Table([]string{"table", "rows", "digest", "missing", "excess", "equal", "cause", "made_by", "snapshot", "day", "first_wrong", "mends"}, rows); err != nil {
		return err
	}
	logReport(r)
	if !r.Equal() {
		return errUnequal
	}
	slog.Info("all tables are what bronze gives", "tables", len(r.Verdicts))
	return nil
}

// logReport tells what is wrong beside the rows.
func logReport(r proof.Report) {
	if n := len(r.Unpromoted); n > 0 { // with a backlog there are many, and a line each would bury the rest
		var keys []string
		for _, o := range r.Unpromoted {
			keys = append(keys, o.Key)
		}
		slog.Error("objects are not promoted: they wait in the streams, or no event of them ever came, and then `reactor reconcile` publishes it", "objects", n, "which", reconcile.Some(keys))
	}
	for _, line := range reconcile.Report(r.Absent) {
		slog.Error("the tables have rows of objects that the listing of bronze lacks: " + line)
	}
	for _, v := range r.Verdicts {
		if v.Uncomputed != "" {
			slog.Error(v.Table + " cannot be computed: " + v.Uncomputed)
		}
	}
	for _, m := range r.Misjudged {
		slog.Error(m.Text)
	}
}

// wrongDay is the day of the first row in which a table differs.
func wrongDay(v proof.Verdict) string {
	if len(v.Wrong) == 0 {
		return ""
	}
	return v.Wrong[0].Day
}

// firstWrong names the first rows in which a table differs.
func firstWrong(v proof.Verdict) string {
	var rows []string
	for _, w := range v.Wrong {
		rows = append(rows, w.String())
	}
	return strings.Join(rows, "; ")
}
