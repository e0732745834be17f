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
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/proof"
	"millrace/reactor/reconcile"
)

type checkCmd struct {
	lakeFlags
	modelFlags
	limitFlags
	Memory  string        `default:"256MiB" help:"Memory for the comparison; beyond it rows spill to disk."`
	Timeout time.Duration `default:"1m" help:"How long to wait for gold to catch up with silver."`
}

func (*checkCmd) Help() string {
	return "Decodes every object in bronze again, computes all tables from these rows and compares every row. The lake may be in use. The exit code is 1 if anything differs.\n\nExample:\n\n  reactor check"
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
			check := &proof.Check{Lake: l.Lake, Bucket: l.Bucket, Models: set, DB: db, Limits: c.limits(), Progress: bar.Add}
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
	waiting, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("it did not catch up within %v; the log of `reactor run` tells more", c.Timeout))
	defer cancel()
	view, err := progress.AwaitCurrent(waiting, l.Lake)
	if err != nil {
		return proof.Report{}, err
	}
	// After the view: everything that the view's ledger knows is in the listing.
	var listed []event.Object
	for o, err := range reconcile.Objects(ctx, l.Bucket, "") {
		if err != nil {
			return proof.Report{}, err
		}
		listed = append(listed, o)
	}
	return check.Run(ctx, view, listed, time.Now())
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
		rows = append(rows, []any{v.Table, v.Rows, v.Digest, v.Missing, v.Excess, v.Equal(), orNil(firstWrong(v)), orNil(foreignOf(v)), orNil(v.Mends())})
	}
	if err := out.Table([]string{"table", "rows", "digest", "missing", "excess", "equal", "first_wrong", "foreign", "mends"}, rows); err != nil {
		return err
	}
	for _, o := range r.Unpromoted {
		slog.Error("object was never promoted: `reactor reconcile` publishes its event", "key", o.Key, "version", o.Version, "modified_at", o.ModifiedAt)
	}
	for _, a := range r.Absent[:min(len(r.Absent), named)] {
		slog.Error("the tables have rows of an object that the listing of bronze lacks: "+a.Advice(), "key", a.SourceKey, "version", a.SourceVersion)
	}
	if more := len(r.Absent) - named; more > 0 {
		slog.Error("the listing of bronze lacks further objects", "objects", more)
	}
	for _, v := range r.Verdicts {
		if v.Cause != "" {
			slog.Error(v.Table + " is not what bronze gives: " + v.Cause)
		}
	}
	for _, text := range r.Misjudged {
		slog.Error(text)
	}
	if !r.Equal() {
		return errUnequal
	}
	return nil
}

// firstWrong names the first rows in which a table differs.
func firstWrong(v proof.Verdict) string {
	var rows []string
	for _, w := range v.Wrong {
		rows = append(rows, w.String())
	}
	return strings.Join(rows, "; ")
}

// foreignOf says who else wrote to a table that differs.
func foreignOf(v proof.Verdict) string {
	if v.Foreign == nil {
		return ""
	}
	return v.Foreign.String()
}
