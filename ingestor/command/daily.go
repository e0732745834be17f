package command

import (
	"context"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap/ingest"
)

// Daily lands one day.
type Daily struct {
	Date bronze.Day `name:"date" required:"" placeholder:"YYYY-MM-DD" help:"The day, in UTC."`
	topFlag
	fetchFlags
}

// Help holds the example.
func (Daily) Help() string {
	return "Example: land yesterday for the 50 largest assets\n\n    ingestor daily --date $(date -u -d yesterday +%F) --top 50\n\n" +
		"It may be run again at any time: responses that are there already are not written twice. A day that is over and of which no " +
		"asset has data is a failure (exit code 1), so that a scheduler asks for it again."
}

// Run lands the day and prints what became of each answer.
func (c Daily) Run(ctx context.Context, out *cli.Output, now Clock) error {
	if err := c.check(); err != nil {
		return err
	}
	if today := now.today(); c.Date.IsZero() || c.Date.After(today) {
		return cli.Usage("--date %s is in the future: today is %s UTC", c.Date, today)
	}
	return c.ingest(ctx, out, now, func(in *ingest.Ingest) error {
		results, err := in.Daily(ctx, c.Date, c.Top)
		return report(out, results, err)
	})
}
