package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/health"
	"millrace/reactor/lake"
	"millrace/reactor/rest"
)

type catalogCmd struct {
	lakeFlags
	icebergFlags
	settings.TLS
	HTTPAddr string `name:"http-addr" env:"MILLRACE_HTTP_ADDR" default:"127.0.0.1:8088" help:"Where the catalog is, at /iceberg/, with /healthz, /readyz and /metrics; port 0 takes a free one."`
	Folder   string `type:"existingdir" placeholder:"DIR" help:"Folder of this machine in which new tables lie, as files, for engines without object storage. Without it they lie in the bucket below tables/."`
}

func (*catalogCmd) Help() string {
	return "Serves the Iceberg REST catalog alone. The reactor serves it too; this is for more of them, on one PostgreSQL catalog or beside the reactor. It prints its address.\n\n" +
		"Example:\n\n  reactor catalog --http-addr 127.0.0.1:0"
}

func (c *catalogCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withNewLake(ctx, func(l opened) (err error) {
		cfg, err := c.config(c.S3)
		if err != nil {
			return err
		}
		if !cfg.Tokens.Any() {
			return errors.New("nobody could call the catalog: give a role a token, such as MILLRACE_OWNER_TOKEN or MILLRACE_ANALYST_TOKEN")
		}
		cfg.Lake, cfg.Bucket = l.Lake, l.Bucket.Name
		if c.Folder != "" {
			if cfg.Folder, err = lake.OpenFolder(c.Folder); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, cfg.Folder.Close()) }()
			l.AlsoIn(cfg.Folder)
		}
		listener, err := net.Listen("tcp", c.HTTPAddr)
		if err != nil {
			return fmt.Errorf("listen on %s (MILLRACE_HTTP_ADDR): %w", c.HTTPAddr, err)
		}
		address := c.Scheme() + "://" + listener.Addr().String() + "/iceberg"
		if listener, err = c.Listener(listener); err != nil {
			return err
		}
		if err := out.Table([]string{"iceberg"}, [][]any{{address}}); err != nil {
			return err
		}
		slog.Info("the catalog is served", "address", address)
		return catalogServer(l, cfg).Serve(ctx, listener)
	})
}

// catalogServer is the HTTP surface of a catalog alone.
func catalogServer(l opened, cfg rest.Config) *health.Server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	cfg.Registry = registry
	return &health.Server{
		Registry: registry,
		Parts: func(ctx context.Context) []health.Part {
			return health.Ask(ctx, map[string]func(context.Context) error{"catalog": func(ctx context.Context) error {
				_, err := l.Namespaces(ctx, "")
				return err
			}})
		},
		Routes: map[string]health.Route{"/iceberg/": rest.New(cfg).Route("/iceberg")},
	}
}
