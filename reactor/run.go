package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"millrace/infra/cli"
	"millrace/infra/files"
	"millrace/infra/settings"
	"millrace/infra/tracing"
	"millrace/reactor/console"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gauge"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/stream"
	"millrace/reactor/upkeep"
)

type runCmd struct {
	lakeFlags
	settings.NATS
	settings.Airflow
	modelFlags
	limitFlags
	HTTPAddr       string        `name:"http-addr" env:"MILLRACE_HTTP_ADDR" default:"127.0.0.1:8088" help:"Where /healthz, /readyz and /metrics are; port 0 takes a free one."`
	ReconcileEvery time.Duration `name:"reconcile-every" env:"MILLRACE_RECONCILE_EVERY" default:"5m" help:"How often the newest days of bronze are compared with the ledger."`
	ReconcileAll   time.Duration `name:"reconcile-all-every" default:"24h" help:"How often all of bronze is, at the least; also at the start, after an outage, and as often as it takes no more than 0.2 % of the time."`
	DuckMemory     string        `name:"duck-memory" default:"112MiB" help:"Memory for SQL; beyond it queries spill to disk."`
	DuckThreads    int           `name:"duck-threads" default:"1" help:"Threads for one SQL statement; each more needs some 100 MiB more of --duck-memory, or large objects fail."`
}

func (*runCmd) Help() string {
	return "Example:\n\n  reactor run --http-addr 127.0.0.1:0\n\nSeveral reactors may run against one lake: each table is worked on by one of them at a time."
}

func (c *runCmd) Run(ctx context.Context, _ *cli.Output) error {
	if err := c.setAsideBroken(ctx); err != nil {
		return err
	}
	c.Unanswered = &atomic.Uint64{}
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		stop, err := tracing.Start(ctx, "millrace-reactor")
		if err != nil {
			return err
		}
		defer func() { _ = stop(ctx) }() // spans that nobody took any more
		js, closeNATS, err := jetStream(ctx, c.NATS)
		if err != nil {
			return err
		}
		defer closeNATS()
		spill, err := scratch(c.Home.Home)
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(spill) }() // what stays, the next start removes
		db, err := duck.Open(duck.Config{MemoryLimit: c.DuckMemory, TempDir: spill, Threads: c.DuckThreads, Locked: true})
		if err != nil {
			return err
		}
		defer db.Close()
		return c.serve(ctx, l, client, js, db)
	})
}

// goMemory is from where the garbage collector works harder: with DuckDB's part the process stays below 300 MB.
const goMemory = 128 << 20

// gcPercent trades some 20 MB for half of the collector's work: little is alive between two steps, and at the usual 100 a
// quarter of the reactor's CPU time went into finding that out.
const gcPercent = 200

// serve runs every part of the reactor until ctx ends or one of them fails.
func (c *runCmd) serve(ctx context.Context, l *lake.Lake, client *minio.Client, js jetstream.JetStream, db *duck.DB) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log := slog.Default()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := promote.NewMetrics(registry)
	upkeepMetrics := upkeep.NewMetrics(registry)
	cache := rows.New(l)

	// The group's context ends with the first failure; the listener is first, because a taken port should say so at once.
	listener, err := c.listen()
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	// Before any consumer runs: a model that is refused ends the start, and nothing should have begun by then.
	set, err := c.load(ctx)
	if err != nil {
		return err
	}

	if err := recoverLake(ctx, l, set, log); err != nil {
		return err
	}

	// Everything is made before anything runs: what fails here must not pull the connections from under a consumer.
	letters := stream.NewLetters(js, log, void(l))
	advisories := &stream.AdvisoryReader{JS: js, Log: log, Consumers: []string{"router"}}
	var consumers []*stream.Consumer
	consumer := func(name string, subjects []string, handle func(context.Context, []event.Delivery) []error, idle func(context.Context)) {
		consumers = append(consumers, &stream.Consumer{JS: js, Log: log, Name: name, Subjects: subjects, Handle: handle, Idle: idle, Letters: letters, Buried: metrics.Buried})
		advisories.Consumers = append(advisories.Consumers, name)
	}
	var tables []string
	for _, d := range datasets.All() {
		s, err := promote.NewSilver(l, client, d, db, cache, log, metrics)
		if err != nil {
			return err
		}
		s.Limits = c.limits()
		defer s.Close()
		if err := s.Prepare(ctx); err != nil {
			return err
		}
		tables = append(tables, "silver."+d.Table)
		compactor, err := upkeep.New(l, db, cache, s.Tables())
		if err != nil {
			return err
		}
		defer compactor.Close()
		consumer("silver-"+d.Table, []string{event.Route{Layer: event.Bronze, Name: d.Name}.Subject()}, metrics.Handled("silver."+d.Table, s.Handle), compactor.Idle(log, upkeepMetrics))
	}
	reporter, err := c.reporter(l, set, registry, log)
	if err != nil {
		return err
	}
	gold, err := openGold(ctx, l, set, db, cache, log, metrics, tables, reportTo(reporter))
	if err != nil {
		return err
	}
	defer gold.Close()
	compactor, err := upkeep.New(l, db, cache, gold.Tables())
	if err != nil {
		return err
	}
	defer compactor.Close()
	consumer("gold", gold.Subjects(), metrics.Handled("gold", gold.Handle), compactor.Idle(log, upkeepMetrics))
	consumer("stray", []string{event.Stray}, metrics.Handled("stray", promote.NewStray(l).Handle), nil)
	router := &stream.Router{JS: js, Log: log, Bucket: c.Bucket, Subject: subject, Buried: metrics.Buried}
	reconciler := &reconciling{
		lake: l, js: js, client: client, bucket: c.Bucket, reconciler: newReconciler(l, client, c.Bucket, js), metrics: reconcile.NewMetrics(registry),
		often: c.ReconcileEvery, schedule: reconcile.Schedule{Seldom: c.ReconcileAll}, unanswered: c.Unanswered, log: log,
	}
	parts := func(ctx context.Context) []console.Part { return readiness(ctx, l, client, js, c.Bucket) }
	registry.MustRegister(&gauge.Collector{JS: js, Lake: l, Home: c.Home.Home, Parts: parts, Log: log})
	server := &console.Server{Registry: registry, Parts: parts}

	g, ctx := errgroup.WithContext(ctx)
	for _, c := range consumers {
		g.Go(func() error { return c.Run(ctx) })
	}
	g.Go(func() error { return router.Run(ctx) })
	g.Go(func() error { return letters.Run(ctx) })
	g.Go(func() error { return advisories.Run(ctx) })
	g.Go(func() error { return reconciler.Run(ctx) })
	g.Go(func() error { return watchCatalog(ctx, l) })
	g.Go(func() error { return server.Serve(ctx, listener) })
	g.Go(func() error { return reporter.Run(ctx) })
	g.Go(func() error { return upkeep.NewSweeper(l, log, upkeepMetrics).Run(ctx) })
	log.Info("reactor runs", "http", listener.Addr().String(), "bucket", c.Bucket)
	return g.Wait()
}

// listen opens the HTTP address and leaves it in the home folder, for those who gave port 0.
func (c *runCmd) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", c.HTTPAddr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (MILLRACE_HTTP_ADDR): %w", c.HTTPAddr, err)
	}
	if err := files.Replace(filepath.Join(c.Home.Home, "http.addr"), []byte(l.Addr().String())); err != nil {
		return nil, errors.Join(fmt.Errorf("leave the HTTP address in the home folder: %w", err), l.Close())
	}
	return l, nil
}

// subject is where the event of an object belongs, by the datasets that are defined.
func subject(o event.Object) string {
	return event.SubjectOf(o, func(dataset string) bool {
		_, ok := datasets.Find(dataset)
		return ok
	})
}
