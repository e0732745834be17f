package command

import (
	"context"
	"log/slog"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/ingest"
)

// History lands the history of some days.
type History struct {
	From     bronze.Day `name:"from" required:"" placeholder:"YYYY-MM-DD" help:"First day, in UTC."`
	To       bronze.Day `name:"to" placeholder:"YYYY-MM-DD" help:"Last day, included (default: yesterday, the newest complete one)."`
	Assets   []string   `name:"assets" placeholder:"SLUG,…" help:"Slugs of the assets (default: the largest ones, see --top)."`
	DryRun   bool       `name:"dry-run" help:"Say what it would cost, in calls and credits, and fetch nothing."`
	Interval string     `name:"interval" default:"d1" help:"Distance of two points: m1, m5, m15, m30, h1, h2, h6, h12 or d1."`
	topFlag
	fetchFlags
}

// Help holds the examples.
func (History) Help() string {
	return "Examples:\n\n    ingestor history --from 2024-01-01 --to 2024-12-31 --top 50\n" +
		"    ingestor history --from 2025-06-01 --assets bitcoin,ethereum --interval h1\n" +
		"    ingestor history --from 2020-01-01 --dry-run\n\n" +
		"One call fetches at most a year of d1; longer times are fetched in pieces. When no asset has data for any of the days, that is " +
		"a failure (exit code 1)."
}

// Run lands the history, or prints what it would cost.
func (c History) Run(ctx context.Context, out *cli.Output, now Clock) error {
	history, err := c.plan(now.today())
	if err != nil {
		return err
	}
	if c.DryRun {
		return printCosts(out, history.Costs())
	}
	return c.ingest(ctx, out, now, func(in *ingest.Ingest) error {
		results, err := in.History(ctx, history)
		return report(out, results, err)
	})
}

// plan checks the flags and cuts the days into requests.
func (c History) plan(today bronze.Day) (ingest.History, error) {
	var h ingest.History
	if err := c.check(); err != nil {
		return h, err
	}
	to := c.To
	if to.IsZero() {
		to = today.Add(-1)
	}
	interval, err := coincap.ParseInterval(c.Interval)
	switch {
	case err != nil:
		return h, cli.Usage("--interval: %w", err)
	case c.From.IsZero():
		return h, cli.Usage("--from is empty")
	case to.After(today):
		return h, cli.Usage("--to %s is in the future: today is %s UTC", to, today)
	case c.From.After(to):
		return h, cli.Usage("--from %s is after --to %s", c.From, to)
	}
	for _, asset := range c.Assets {
		if err := coincap.CheckID(asset); err != nil {
			return h, cli.Usage("--assets: %w", err)
		}
	}
	return ingest.History{Assets: ingest.Distinct(c.Assets), Top: c.Top, Interval: interval, Pieces: interval.Split(c.From, to)}, nil
}

// printCosts prints a row a piece, and logs what all of them cost.
func printCosts(out *cli.Output, costs []ingest.Cost) error {
	var rows [][]any
	calls, credits := 0, 0
	for _, c := range costs {
		calls, credits = calls+c.Calls, credits+c.Credits
		rows = append(rows, []any{c.Piece.From.String(), c.Piece.To.String(), string(c.Interval), c.Assets, c.Calls, c.Credits})
	}
	if err := out.Table([]string{"from", "to", "interval", "assets", "calls", "credits"}, rows); err != nil {
		return err
	}
	slog.Info("nothing is fetched; in all it would be", "calls", calls, "credits", credits)
	return nil
}
