// Package service is the running reactor: it makes the parts - router, consumers of silver and gold, reconciler, upkeep,
// dead letters, health - connects them, and runs them until it is stopped or one of them fails.
package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"millrace/reactor/announce"
	"millrace/reactor/console"
	"millrace/reactor/console/now"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gauge"
	"millrace/reactor/health"
	"millrace/reactor/intake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/rest"
	"millrace/reactor/rows"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
	"millrace/reactor/upkeep"
)

// Service is a reactor. Make it with New.
type Service struct {
	cfg      Config
	listener net.Listener
	db       *duck.DB
	registry *prometheus.Registry
	promote  promote.Config  // what the promoters share
	upkeep   *upkeep.Metrics // what the compactors and the sweeper share
	passes   *reconcile.Metrics
	letters  *stream.Letters
	covers   *reconcile.Covers
	stuck    *stream.Stuck
	advisory *stream.AdvisoryReader
	silver   []*promote.Silver
	backlogs []func() int // of silver's consumers: the events that wait
	gold     *promote.Gold

	parts  []part
	closes []func() // in the order in which things were opened
}

// part is something that runs until ctx ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// New makes a reactor: it listens, makes the tables that are not there yet and brings gold to where silver is. Nothing runs
// before everything is made: what fails here must not pull the connections from under a consumer. Close it when done.
func New(ctx context.Context, cfg Config) (*Service, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, registry: prometheus.NewRegistry()}
	for _, step := range []func(context.Context) error{
		s.listen,     // first, because a taken port should say so at once
		s.open,       // what the parts share
		s.recover,    // the catalog, before anybody makes a table
		s.addSilver,  // a consumer for each dataset
		s.addGold,    // with what tells Airflow
		s.addStray,   // what no dataset takes
		s.addStreams, // router, dead letters, advisories
		s.addReconciler,
		s.addWatchers, // of the catalog's file and of orphans
		s.addHealth,
	} {
		if err := step(ctx); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Addr is where the reactor listens.
func (s *Service) Addr() net.Addr { return s.listener.Addr() }

// Run runs all parts until ctx ends or one of them fails.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range s.parts {
		g.Go(func() error {
			if err := p.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return nil
		})
	}
	s.cfg.Log.Info("reactor runs", "http", s.Addr().String(), "bucket", s.cfg.Bucket.Name)
	return g.Wait()
}

// Close frees what New opened, the last first. The lake and JetStream stay open: whoever opened them closes them.
func (s *Service) Close() {
	for i := len(s.closes) - 1; i >= 0; i-- {
		s.closes[i]()
	}
	s.closes = nil
}

func (s *Service) add(name string, run func(context.Context) error) {
	s.parts = append(s.parts, part{name, run})
}

func (s *Service) onClose(f func()) { s.closes = append(s.closes, f) }

// open opens the database and makes what the parts share.
func (s *Service) open(context.Context) error {
	spill, err := duck.Scratch(s.cfg.Home)
	if err != nil {
		return err
	}
	s.onClose(func() { _ = os.RemoveAll(spill) }) // what stays, the next start removes
	if s.db, err = duck.Open(duck.Config{MemoryLimit: s.cfg.Memory, TempDir: spill, Threads: s.cfg.Threads}); err != nil {
		return err
	}
	s.onClose(s.db.Close)
	s.add("duckdb", s.watchDatabase)
	s.add("memory", tuneMemory)
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.upkeep, s.passes = upkeep.NewMetrics(s.registry), reconcile.NewMetrics(s.registry)
	journal, err := intake.OpenJournal(filepath.Join(s.cfg.Home, "decoding"), s.cfg.Log)
	if err != nil {
		return err
	}
	deaths, err := promote.OpenDeaths(filepath.Join(s.cfg.Home, "computing"), s.cfg.Log)
	if err != nil {
		return err
	}
	s.onClose(deaths.Close)
	s.promote = promote.Config{
		Lake: s.cfg.Lake, Deaths: deaths, Client: s.cfg.Bucket.Client, DB: s.db, Cache: rows.New(s.cfg.Lake),
		Limits: s.cfg.Limits, Journal: journal, Metrics: promote.NewMetrics(s.registry), Log: s.cfg.Log,
	}
	s.covers = reconcile.NewCovers(s.cfg.Bucket, s.cfg.Lake.Below, s.cfg.Log, s.registry)
	s.stuck = stream.NewStuck()
	s.registry.MustRegister(stuckGauge(s.stuck))
	s.letters = stream.NewLetters(s.cfg.JS, s.cfg.Log, announce.Answered(s.cfg.Lake))
	s.advisory = stream.NewAdvisoryReader(s.cfg.JS, s.cfg.Log)
	return nil
}

// watchDatabase ends the reactor when DuckDB has ended the database, by a defect of its own or by a commit that failed: nothing works on it
// any more, silver included. Whoever supervises the reactor starts it again, with a new database.
func (s *Service) watchDatabase(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.db.Ended():
		return errors.New("DuckDB ended the database by a defect of its own (INTERNAL Error, see the log above), or could not commit for want of memory (Failed to commit): start the reactor again")
	}
}

// addStreams adds the router and the keepers of dead letters.
func (s *Service) addStreams(context.Context) error {
	find := func(ctx context.Context, o event.Object) (event.Object, bool, error) {
		return reconcile.Find(ctx, s.cfg.Bucket, o)
	}
	router := &stream.Router{
		JS: s.cfg.JS, Log: s.cfg.Log, Bucket: s.cfg.Bucket.Name, Subject: tables.Subject, Rule: s.cfg.Rule, Find: find,
		Buried: s.promote.Metrics.Buried, Ignored: s.promote.Metrics.Ignored, Routed: s.covers.Saw, Stuck: s.stuck,
	}
	s.add("router", router.Run)
	s.add("objects that hide others", s.covers.Run)
	s.add("dead letters", s.letters.Run)
	s.add("advisories", s.advisory.Run)
	return nil
}

// addWatchers adds what watches the catalog's file, and what removes objects that no table names.
func (s *Service) addWatchers(context.Context) error {
	s.add("catalog", s.watchCatalog)
	s.add("sweeper", upkeep.NewSweeper(s.cfg.Lake, s.cfg.Log, s.upkeep).Run)
	return nil
}

// addHealth adds the HTTP surface.
func (s *Service) addHealth(context.Context) error {
	s.registry.MustRegister(&gauge.Collector{JS: s.cfg.JS, Lake: s.cfg.Lake, Home: s.cfg.Home, Parts: s.readiness, Log: s.cfg.Log})
	iceberg := s.cfg.Iceberg
	iceberg.Lake, iceberg.Bucket, iceberg.Log, iceberg.Registry = s.cfg.Lake, s.cfg.Bucket.Name, s.cfg.Log, s.registry
	pages := console.New(console.Config{
		Lake: s.cfg.Lake, Bucket: s.cfg.Bucket, JS: s.cfg.JS, Models: s.cfg.Models, Parts: s.readiness, Tokens: iceberg.Tokens, Log: s.cfg.Log,
		Postgres: s.cfg.PostgresAddr, Airflow: s.cfg.Airflow, Traces: s.cfg.Traces, Registry: s.registry,
		Measures: now.Measures{Steps: s.upkeep, Passes: s.passes},
	})
	server := &health.Server{Registry: s.registry, Parts: s.readiness, Routes: map[string]health.Route{
		"/iceberg/": rest.New(iceberg).Route("/iceberg"), "/": {Handler: pages},
	}}
	s.add("http", func(ctx context.Context) error { return server.Serve(ctx, s.listener) })
	if s.cfg.Postgres != nil {
		s.add("clients of PostgreSQL", s.cfg.Postgres)
	}
	return nil
}
