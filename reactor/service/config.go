package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/infra/settings"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/rest"
	"millrace/reactor/silver"
)

// Config is what a reactor works with. What has no default here has to be given.
type Config struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	JS     jetstream.JetStream
	// Rule is that of the bucket's store (default: MinIO's).
	Rule   event.Rule
	Models *gold.Set
	// Home is the folder for spilled rows and for the file http.addr.
	Home string
	// HTTPAddr is where /healthz, /readyz and /metrics are; port 0 takes a free one (default: 127.0.0.1:8088).
	HTTPAddr string
	// TLS has the files by which the address is https (default: it is http).
	TLS settings.TLS
	// Iceberg says who may do what over HTTP, in the console and at the Iceberg REST catalog at /iceberg/, and how clients reach the
	// bucket (default: nobody may). The lake and the bucket are the reactor's.
	Iceberg rest.Config
	// Postgres serves clients of PostgreSQL until its context ends (default: nobody does).
	Postgres func(context.Context) error
	// PostgresAddr is where that is, for the console's pages.
	PostgresAddr string
	// Traces is the address of a trace in the viewer that people use, with {trace} for its id, for the console's links (default: none).
	Traces string
	// Limits of an object (default: none).
	Limits silver.Limits
	// ReconcileEvery is how often the newest days of bronze are held against the ledger (default: 5 minutes), and
	// ReconcileAll how often all of bronze is, at the least (default: a day).
	ReconcileEvery, ReconcileAll time.Duration
	// Unanswered counts the requests to the store that got no answer: events may have been lost with them (default: 0).
	Unanswered func() uint64
	// AcceptLoss lets tables be made anew from a bronze that lacks objects that they were made of (default: refused).
	AcceptLoss bool
	// Memory is that of SQL; beyond it queries spill to disk (default: 112MiB). Threads is how many one SQL statement may
	// use (default: 1).
	Memory  string
	Threads int
	// Airflow finds the scheduler that is told of gold's commits; it is asked each time anew (default: there is none).
	Airflow func() (settings.Airflow, bool, error)
	// Log (default: slog's).
	Log *slog.Logger
}

// complete fills in defaults, and says what is missing.
func (c Config) complete() (Config, error) {
	if c.Lake == nil || c.Bucket.Client == nil || c.JS == nil || c.Models == nil || c.Home == "" {
		return c, errors.New("a reactor needs a lake, a bucket, JetStream, models and a home folder")
	}
	set(&c.HTTPAddr, "127.0.0.1:8088")
	set(&c.ReconcileEvery, 5*time.Minute)
	set(&c.ReconcileAll, 24*time.Hour)
	set(&c.Memory, "112MiB")
	set(&c.Threads, 1)
	if c.Unanswered == nil {
		c.Unanswered = func() uint64 { return 0 }
	}
	if c.Airflow == nil {
		c.Airflow = func() (settings.Airflow, bool, error) { return settings.Airflow{}, false, nil }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}

// set gives a value that was left out its default.
func set[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}
