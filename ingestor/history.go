package main

import (
	"context"
	"slices"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
)

type historyCommand struct {
	From     bronze.Day `name:"from" required:"" placeholder:"YYYY-MM-DD" help:"First day, in UTC."`
	To       bronze.Day `name:"to" placeholder:"YYYY-MM-DD" help:"Last day, included (default: yesterday, the newest complete one)."`
	Assets   []string   `name:"assets" placeholder:"SLUG,…" help:"Slugs of the assets (default: the largest ones, see --top)."`
	DryRun   bool       `name:"dry-run" help:"Say what it would cost, in calls and credits, and fetch nothing."`
	Interval string     `name:"interval" default:"d1" help:"Distance of two points: m1, m5, m15, m30, h1, h2, h6, h12 or d1."`
	topFlag
	fetchFlags
}

// Help holds the examples.
func (historyCommand) Help() string {
	return "Examples:\n\n    ingestor history --from 2024-01-01 --to 2024-12-31 --top 50\n" +
		"    ingestor history --from 2025-06-01 --assets bitcoin,ethereum --interval h1\n\n" +
		"    ingestor history --from 2020-01-01 --dry-run\n\n" +
		"One call fetches at most a year of d1; longer times are fetched in pieces."
}

// Run lands the history.
func (c historyCommand) Run(ctx context.Context, out *cli.Output, now clock) (err error) {
	defer func() { err = c.judge(err) }()
	assets, pieces, interval, err := c.plan(bronze.DayOf(now()))
	if err != nil {
		return err
	}
	if c.DryRun {
		return out.Table(costHeaders, c.cost(assets, pieces, interval))
	}
	l, err := c.lander(now)
	if err != nil {
		return err
	}
	end, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if len(assets) == 0 {
		pages, err := l.top(ctx, c.Top)
		if err != nil {
			return err
		}
		if assets, err = coincap.IDs(pages); err != nil {
			return err
		}
	}
	bar := out.Progress(len(assets)*len(pieces), "history")
	results, err := l.history(ctx, assets, interval, pieces, func() bronze.Day { return bronze.DayOf(now()) }, func() { bar.Add(1) })
	bar.Done()
	return report(out, results, err)
}

// plan checks the flags and cuts the days into requests. No assets means the largest.
func (c historyCommand) plan(today bronze.Day) (assets []string, pieces []coincap.Piece, interval coincap.Interval, err error) {
	if err := c.check(); err != nil {
		return nil, nil, "", err
	}
	to := c.To
	if to.IsZero() {
		to = today.Add(-1)
	}
	interval, err = coincap.ParseInterval(c.Interval)
	switch {
	case err != nil:
		return nil, nil, "", cli.Usage("--interval: %w", err)
	case c.From.IsZero():
		return nil, nil, "", cli.Usage("--from is empty")
	case to.After(today):
		return nil, nil, "", cli.Usage("--to %s is in the future: today is %s UTC", to, today)
	case c.From.After(to):
		return nil, nil, "", cli.Usage("--from %s is after --to %s", c.From, to)
	}
	for _, asset := range c.Assets {
		if err := coincap.CheckID(asset); err != nil {
			return nil, nil, "", cli.Usage("--assets: %w", err)
		}
		if !slices.Contains(assets, asset) {
			assets = append(assets, asset)
		}
	}
	return assets, interval.Split(c.From, to), interval, nil
}
