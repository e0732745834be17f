package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"millrace/infra/cli"
	"millrace/infra/strict"
	"millrace/ingestor/bronze"
	"millrace/ingestor/fetch"
	"millrace/ingestor/landing"
	"millrace/ingestor/recipe"
	"millrace/ingestor/retry"
)

// Fetch lands one day of any source.
type Fetch struct {
	Source string     `name:"source" required:"" type:"existingfile" placeholder:"FILE" help:"File of the dataset, with a block fetch."`
	Date   bronze.Day `name:"date" required:"" placeholder:"YYYY-MM-DD" help:"The day, in UTC."`
	Items  []string   `name:"items" placeholder:"ITEM,…" help:"What to ask for, in place of the file's items."`
	DryRun bool       `name:"dry-run" help:"Print the requests that the day begins with, and ask nobody."`
	landFlags
}

// Help holds the examples.
func (Fetch) Help() string {
	return "Examples:\n\n    ingestor fetch --source datasets/binance/klines.yaml --date $(date -u -d yesterday +%F)\n" +
		"    ingestor fetch --source datasets/shop/orders.yaml --date 2026-11-23 --dry-run\n\n" +
		"The file's block fetch says what is asked: address, headers, items, pages, pace (docs/extend.md). Secrets are variables of the environment that the " +
		"block names. It may be run again at any time: answers that are there already are not written twice. A day that is over and of " +
		"which the source has no row is a failure (exit code 1), so that a scheduler asks for it again."
}

// Run lands the day and prints what became of each answer.
func (c Fetch) Run(ctx context.Context, out *cli.Output, now Clock) error {
	if today := now.today(); c.Date.IsZero() || c.Date.After(today) {
		return cli.Usage("--date %s is in the future: today is %s UTC", c.Date, today)
	}
	r, err := c.recipe()
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.printRequests(out, r)
	}
	return c.land(ctx, func(lander *landing.Lander) error {
		client, err := fetch.New(fetch.Config{Recipe: r, File: c.Source, Secret: os.Getenv, Retry: retry.Retry{Patience: c.Patience}, Agent: program()})
		if err != nil {
			return err
		}
		bar := out.Progress(max(len(r.Items), 1), r.Name()+" of "+c.Date.String())
		defer bar.Done()
		in := &fetch.Source{Client: client, Lander: lander, Now: now, Step: func() { bar.Add(1) }}
		results, err := in.Day(ctx, c.Date)
		if tooOld := new(fetch.TooOldError); errors.As(err, &tooOld) {
			return cli.Usage("--date: %w", err)
		}
		return report(out, results, err)
	})
}

// recipe reads the file.
func (c Fetch) recipe() (*recipe.Recipe, error) {
	text, err := os.ReadFile(c.Source)
	if err != nil {
		return nil, fmt.Errorf("read the source's file: %w", err)
	}
	r, err := recipe.Parse(text)
	var problems strict.Problems
	if errors.As(err, &problems) {
		return nil, problems.In(c.Source)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Source, err)
	}
	if len(c.Items) == 0 {
		return r, nil
	}
	if len(r.Items) == 0 {
		return nil, cli.Usage("--items: the requests of %s have no {item}", c.Source)
	}
	slices.Sort(c.Items)
	r.Items = slices.Compact(c.Items)
	return r, nil
}

func (c Fetch) printRequests(out *cli.Output, r *recipe.Recipe) error {
	requests, err := fetch.Requests(r, c.Date)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Source, err)
	}
	var rows [][]any
	for _, request := range requests {
		rows = append(rows, []any{text(request.Item), request.Method, request.URL})
	}
	return out.Table([]string{"item", "method", "url"}, rows)
}
