package main

import (
	"context"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
)

// topFlag is the number of assets that a command is about.
type topFlag struct {
	Top int `name:"top" default:"20" placeholder:"N" help:"The number of assets, the largest by market cap (default ${default})."`
}

// maxTop is more than the API lists; a larger number is a slip of the finger that would cost a month's credits.
const maxTop = 10000

func (t topFlag) check() error {
	if t.Top < 1 || t.Top > maxTop {
		return cli.Usage("--top must be between 1 and %d", maxTop)
	}
	return nil
}

type dailyCommand struct {
	Date bronze.Day `name:"date" required:"" placeholder:"YYYY-MM-DD" help:"The day, in UTC."`
	topFlag
	fetchFlags
}

// Help holds the example.
func (dailyCommand) Help() string {
	return "Example: land yesterday for the 50 largest assets\n\n    ingestor daily --date $(date -u -d yesterday +%F) --top 50\n\n" +
		"It may be run again at any time: responses that are there already are not written twice."
}

// Run lands the day. The call that finds the largest assets is the snapshot as well, when the day is the newest complete or
// the running one; for older days it only names the assets, since it tells of today and not of that day.
func (c dailyCommand) Run(ctx context.Context, out *cli.Output, now clock) (err error) {
	defer func() { err = c.judge(err) }()
	if err := c.check(); err != nil {
		return err
	}
	today := bronze.DayOf(now())
	if c.Date.IsZero() || c.Date.After(today) {
		return cli.Usage("--date %s is in the future: today is %s UTC", c.Date, today)
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
	pages, err := l.top(ctx, c.Top)
	if err != nil {
		return err
	}
	assets, err := coincap.IDs(pages)
	if err != nil {
		return err
	}
	var results []landed
	if !c.Date.Before(today.Add(-1)) {
		if results, err = l.snapshot(ctx, pages, c.Date); err != nil {
			return report(out, results, err)
		}
	}
	bar := out.Progress(len(assets), "history of "+c.Date.String())
	histories, err := l.history(ctx, assets, coincap.D1, []coincap.Piece{{From: c.Date, To: c.Date}},
		func() bronze.Day { return c.Date }, func() { bar.Add(1) })
	bar.Done()
	return report(out, append(results, histories...), err)
}
