// Package console is what people look at in a browser: the lake now, its tables, objects and dead letters. It shows what the
// commands show, by the same packages, and each view as JSON below /api/v1.
package console

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/bucket"
	"millrace/infra/settings"
	"millrace/reactor/access"
	"millrace/reactor/console/letters"
	"millrace/reactor/console/lineage"
	"millrace/reactor/console/market"
	"millrace/reactor/console/now"
	"millrace/reactor/console/objects"
	"millrace/reactor/console/replay"
	"millrace/reactor/console/search"
	"millrace/reactor/console/sql"
	"millrace/reactor/console/tables"
	"millrace/reactor/console/web"
	"millrace/reactor/gold"
	"millrace/reactor/health"
	"millrace/reactor/lake"
)

// Config is what the console shows.
type Config struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	JS     jetstream.JetStream
	Models *gold.Set
	// Parts returns what the reactor needs, each with the reason why it cannot be used now.
	Parts func(context.Context) []health.Part
	// Measures tell what upkeep was done.
	Measures now.Measures
	// Postgres is where clients of PostgreSQL are let in, "" for nowhere.
	Postgres string
	// Airflow finds the scheduler that is told of gold (default: there is none).
	Airflow func() (settings.Airflow, bool, error)
	// Traces is the address of a trace in a viewer, with objects.TraceID for its id; "" for no viewer.
	Traces string
	// Registry shows what the console measures (default: nobody sees it).
	Registry prometheus.Registerer
	// Tokens tell who may change something.
	Tokens access.Tokens
	Log    *slog.Logger
}

// New makes the console.
func New(cfg Config) *web.Site {
	items := []web.Item{
		{Name: "Now", Path: "/"}, {Name: "Tables", Path: "/tables"}, {Name: "Bronze", Path: "/bronze"}, {Name: "SQL", Path: "/sql"},
		{Name: "Market", Path: "/market"}, {Name: "Dead letters", Path: "/letters"}, {Name: "Replay", Path: "/replay"}, {Name: "Lineage", Path: "/lineage"},
	}
	origin := &market.Origin{Lake: cfg.Lake, Bucket: cfg.Bucket}
	s := web.New(cfg.Log, cfg.gate, items)
	s.Synthetic, s.Links = origin.Synthetic, cfg.links
	now.Add(s, now.Config{Lake: cfg.Lake, JS: cfg.JS, Parts: cfg.Parts, Measures: cfg.Measures})
	tables.Add(s, cfg.Lake, cfg.Postgres)
	objects.Add(s, cfg.Lake, cfg.Bucket, cfg.Traces)
	sql.Add(s, cfg.Lake, cfg.Registry)
	market.Add(s, cfg.Lake, origin)
	letters.Add(s, cfg.JS)
	replay.Add(s, &replay.Pages{Lake: cfg.Lake, Bucket: cfg.Bucket, JS: cfg.JS, Models: cfg.Models})
	lineage.Add(s, cfg.Lake, cfg.Bucket, cfg.Models)
	search.Add(s, cfg.Lake, cfg.Models, items)
	return s
}

// links are the pages of other programs.
func (c Config) links() []web.Item {
	if c.Airflow == nil {
		return nil
	}
	// A wrong address is the reporter's to complain of.
	at, ok, err := c.Airflow()
	if err != nil || !ok {
		return nil
	}
	return []web.Item{{Name: "Airflow", Path: at.URL}}
}

// gate tells whose token a text is.
func (c Config) gate(token string) (role string, may, ok bool) {
	is, err := c.Tokens.Exchange("", settings.Secret(token))
	if err != nil {
		return "", false, false
	}
	return string(is), is.MayWrite(), true
}
