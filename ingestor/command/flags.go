// Package command holds the ingestor's commands, a file a verb: flags, their validation, one call, and printing. What the
// commands do is in coincap/ingest and landing, which others can call, too.
package command

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/infra/tracing"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/ingest"
	"millrace/ingestor/landing"
	"millrace/ingestor/retry"
	"millrace/ingestor/source"
)

// Clock is the time by which commands judge days; tests set it.
type Clock func() time.Time

func (c Clock) today() bronze.Day { return bronze.DayOf(c()) }

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

// landFlags are those of every command that lands answers.
type landFlags struct {
	Patience time.Duration `name:"patience" env:"MILLRACE_INGEST_PATIENCE" default:"90s" help:"How long a call that fails in passing (rate limit, server error, broken connection) is tried again."`
	// For schedulers: Airflow would otherwise try a refused key again for an hour.
	FinalCode int `name:"final-exit-code" env:"MILLRACE_INGEST_FINAL_EXIT_CODE" default:"1" placeholder:"CODE" help:"Exit code of a failure that trying again cannot mend, such as a refused key (default ${default}, that of every failure)."`
	settings.S3
}

// ScriptColumn is what a script wants of every command that fetches.
func (landFlags) ScriptColumn() string { return "key" }

// land runs do with everything that it takes to land answers, while tracing is on for who wants it. A failure that trying
// again cannot mend gets the exit code that was asked for.
func (f landFlags) land(ctx context.Context, do func(*landing.Lander) error) error {
	err := f.session(ctx, do)
	if failed, ok := source.AsFailure(err); ok && failed.Final() {
		return cli.WithCode(err, f.FinalCode)
	}
	return err
}

func (f landFlags) session(ctx context.Context, do func(*landing.Lander) error) error {
	if f.Patience <= 0 {
		return cli.Usage("--patience must be above 0")
	}
	client, err := f.Client()
	if err != nil {
		return err
	}
	lander := landing.New(landing.Config{Store: bucket.Bucket{Client: client, Name: f.Bucket}, Program: program()})
	stop, err := tracing.Start(ctx, "millrace-ingestor")
	if err != nil {
		return err
	}
	err = do(lander)
	calls, credits := lander.Used()
	slog.Info("API used", "calls", calls, "credits", credits)
	if err := stop(ctx); err != nil {
		slog.Warn("the last spans were not sent", "error", err)
	}
	return err
}

// fetchFlags are those of every command that fetches from CoinCap.
type fetchFlags struct {
	BaseURL string          `name:"coincap-base-url" env:"COINCAP_BASE_URL" default:"https://rest.coincap.io/v3" placeholder:"URL" help:"Address of the API."`
	APIKey  settings.Secret `name:"coincap-api-key" env:"COINCAP_API_KEY" placeholder:"SECRET" help:"Key of the API; better given by the environment, because other users see flags."`
	Rate    int             `name:"rate" env:"MILLRACE_INGEST_RATE" placeholder:"N" help:"Most calls a minute (default: 600, and no limit for an API on this machine)."`
	landFlags
}

// ingest runs do with a client of CoinCap.
func (f fetchFlags) ingest(ctx context.Context, out *cli.Output, now Clock, do func(*ingest.Ingest) error) error {
	if f.Rate < 0 {
		return cli.Usage("--rate must not be negative")
	}
	return f.land(ctx, func(lander *landing.Lander) error {
		api, err := coincap.New(coincap.Config{BaseURL: f.BaseURL, Key: f.APIKey, Rate: f.Rate, Retry: retry.Retry{Patience: f.Patience}, Agent: program()})
		if err != nil {
			return err
		}
		return do(&ingest.Ingest{
			API: api, Now: now, Lander: lander,
			Watch: func(total int, label string) ingest.Bar { return out.Progress(total, label) },
		})
	})
}

// program names this build, in metadata and to the API.
func program() string {
	name := "millrace-ingestor"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return name + "/" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return name
}
