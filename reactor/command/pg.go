package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/access"
	"millrace/reactor/lake"
	"millrace/reactor/pgwire"
	"millrace/reactor/query"
)

type pgCmd struct {
	lakeFlags
	settings.Tokens
	settings.TLS
	pgLimits
	Addr string `name:"pg-addr" env:"MILLRACE_PG_ADDR" default:"127.0.0.1:5439" help:"Where clients of PostgreSQL connect; port 0 takes a free one."`
}

// pgLimits are what the clients of PostgreSQL may take.
type pgLimits struct {
	PGConnections int    `name:"pg-connections" default:"8" placeholder:"N" help:"Clients of PostgreSQL at a time; each has a database of its own."`
	PGMemory      string `name:"pg-memory" default:"256MiB" placeholder:"SIZE" help:"Memory for the rows of one client of PostgreSQL; beyond it they spill to disk."`
}

func (*pgCmd) Help() string {
	return `Serves the tables, for reading, to whatever speaks PostgreSQL's protocol. The user is a role (analyst, reporter, owner), its password the role's token, and the database any name. The SQL is DuckDB's. Each statement sees the newest snapshots, those of a transaction the same ones. The log has the address.

Example:

  reactor pg &
  eval "$(stack env --role analyst)"
  PGPASSWORD=$MILLRACE_ICEBERG_TOKEN psql -h 127.0.0.1 -p 5439 -U analyst lakehouse -c '\d gold.rankings'`
}

func (c *pgCmd) Run(ctx context.Context, _ *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		serve, err := c.serve(l.Lake, c.Addr, c.Tokens, c.TLS)
		if err != nil {
			return err
		}
		return serve(ctx)
	})
}

// serve listens, and gives what serves a lake to the clients of PostgreSQL.
func (f pgLimits) serve(l *lake.Lake, addr string, tokens settings.Tokens, files settings.TLS) (func(context.Context) error, error) {
	known, err := access.NewTokens(tokens)
	if err != nil {
		return nil, err
	}
	if !known.Any() {
		return nil, errors.New("no role has a token, so nobody could sign in: set MILLRACE_ANALYST_TOKEN (a running stack has one, in the environment of its reactor)")
	}
	secure, err := files.Config("postgresql")
	if err != nil {
		return nil, err
	}
	listener, err := listenPG(addr, files)
	if err != nil {
		return nil, err
	}
	slog.Info("clients of PostgreSQL may read the tables", "address", listener.Addr().String())
	server := pgwire.New(pgwire.Config{
		Query: query.Config{Lake: l, Memory: f.PGMemory, Threads: 1}, MaxConnections: f.PGConnections, TLS: secure,
		Login: func(user, password string) error {
			if _, err := known.Exchange(user, settings.Secret(password)); err != nil {
				return errors.New("password authentication failed: the user is a role (analyst, reporter, owner), the password its token")
			}
			return nil
		},
	})
	return func(ctx context.Context) error { return server.Serve(ctx, listener) }, nil
}

// listenPG listens for clients of PostgreSQL. They send their password as it is, so from other machines they come by TLS.
func listenPG(addr string, files settings.TLS) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, cli.Usage("--pg-addr %q must look like 127.0.0.1:5439: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && files.Cert == "" {
		return nil, cli.Usage("--pg-addr %s is open to other machines, and passwords would go there unencrypted: give --tls-cert and --tls-key, or listen on 127.0.0.1", addr)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for clients of PostgreSQL on %s (MILLRACE_PG_ADDR): %w", addr, err)
	}
	return listener, nil
}
