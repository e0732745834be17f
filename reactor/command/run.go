package command

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/infra/tracing"
	"millrace/reactor/console/objects"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/service"
	"millrace/reactor/stream"
)

type runCmd struct {
	lakeFlags
	settings.NATS
	settings.Airflow
	modelFlags
	limitFlags
	settings.TLS
	icebergFlags
	pgLimits
	PGAddr         string        `name:"pg-addr" env:"MILLRACE_PG_ADDR" placeholder:"ADDRESS" help:"Where clients of PostgreSQL (psql, Grafana, SQLAlchemy) may read the tables, such as 127.0.0.1:5439; the user is a role, the password its token (default: nowhere)."`
	HTTPAddr       string        `name:"http-addr" env:"MILLRACE_HTTP_ADDR" default:"127.0.0.1:8088" help:"Where /healthz, /readyz and /metrics are; port 0 takes a free one."`
	TraceURL       string        `name:"trace-url" env:"MILLRACE_TRACE_URL" placeholder:"URL" help:"Page of a trace in your viewer, with {trace} for its id, such as http://127.0.0.1:16686/trace/{trace}; the console links there (default: no links)."`
	ReconcileEvery time.Duration `name:"reconcile-every" env:"MILLRACE_RECONCILE_EVERY" default:"5m" help:"How often the newest days of bronze are compared with the ledger."`
	ReconcileAll   time.Duration `name:"reconcile-all-every" default:"24h" placeholder:"DURATION" help:"How often all of bronze is compared with the ledger, at the least; also at the start, after an outage, and as often as it takes no more than 0.2 % of the time."`
	Events         event.Rule    `name:"s3-events" env:"MILLRACE_S3_EVENTS" enum:"minio,aws" default:"minio" help:"Whose rules the store's messages follow: minio, or aws for S3 itself (by SQS, SNS or EventBridge) and for other stores that send S3's messages."`
	AcceptLoss     bool          `name:"accept-loss" help:"Where all tables have to be made anew: do it although bronze lacks objects that they were made of."`
	DuckMemory     string        `name:"duck-memory" default:"112MiB" placeholder:"SIZE" help:"Memory for SQL; beyond it queries spill to disk."`
	DuckThreads    int           `name:"duck-threads" default:"1" placeholder:"N" help:"Threads for one SQL statement; each more needs some 100 MiB more of --duck-memory, or large objects fail."`
}

func (*runCmd) Help() string {
	return "Example:\n\n  reactor run --http-addr 127.0.0.1:0\n\nSeveral reactors may run against one lake: each table is worked on by one of them at a time."
}

func (c *runCmd) Run(ctx context.Context, _ *cli.Output) error {
	if c.Airflow.URL != "" {
		// A wrong address ends the start. A file of the local stack does not: nothing here depends on that Airflow.
		if _, _, err := c.Find(c.Home); err != nil {
			return err
		}
	}
	if c.TraceURL != "" && (!strings.HasPrefix(c.TraceURL, "http") || !strings.Contains(c.TraceURL, objects.TraceID)) {
		return cli.Usage("--trace-url %s: it must be the address of a page, with %s where the id of a trace goes", c.TraceURL, objects.TraceID)
	}
	if err := c.setAsideBroken(ctx); err != nil {
		return err
	}
	var unanswered atomic.Uint64
	client, err := c.CountedClient(&unanswered)
	if err != nil {
		return err
	}
	stop, err := tracing.Start(ctx, "millrace-reactor")
	if err != nil {
		return err
	}
	defer func() { _ = stop(ctx) }() // spans that nobody took any more
	return c.withLakeBy(ctx, client, lake.Open, func(l opened) error {
		return withEvents(ctx, c.NATS, func(js jetstream.JetStream) error {
			leave, err := stream.Present(js)
			if err != nil {
				return err
			}
			defer leave()
			return c.serveAgain(ctx, l, js, unanswered.Load)
		})
	})
}

// service is what a reactor works with, but for the models.
func (c *runCmd) service(l opened, js jetstream.JetStream, unanswered func() uint64) (service.Config, error) {
	iceberg, err := c.config(c.S3)
	if err != nil {
		return service.Config{}, err
	}
	postgres, err := c.postgres(l.Lake)
	if err != nil {
		return service.Config{}, err
	}
	return service.Config{
		Iceberg: iceberg, Postgres: postgres, PostgresAddr: c.PGAddr, Traces: c.TraceURL,
		Lake: l.Lake, Bucket: l.Bucket, JS: js, Rule: c.Events, Home: c.Home.Home, HTTPAddr: c.HTTPAddr, TLS: c.TLS, Limits: c.limits(),
		ReconcileEvery: c.ReconcileEvery, ReconcileAll: c.ReconcileAll, AcceptLoss: c.AcceptLoss, Unanswered: unanswered,
		Memory: c.DuckMemory, Threads: c.DuckThreads,
		Airflow: func() (settings.Airflow, bool, error) { return c.Find(c.Home) },
	}, nil
}

// postgres is what serves clients of PostgreSQL, nil for nothing.
func (c *runCmd) postgres(l *lake.Lake) (func(context.Context) error, error) {
	if c.PGAddr == "" {
		return nil, nil
	}
	return c.serve(l, c.PGAddr, c.Tokens, c.TLS)
}

// setAsideBroken makes way for a new catalog when the file is none that can be read.
func (c *runCmd) setAsideBroken(ctx context.Context) error {
	address, err := c.URI(c.Home)
	if err != nil {
		return err
	}
	kept, err := lake.SetAside(ctx, address.Reveal(), time.Now())
	if kept != "" {
		slog.Warn("the catalog is no SQLite database or a broken one; it is moved aside and a new one made", "kept", kept)
	}
	return err
}
