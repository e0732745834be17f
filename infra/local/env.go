package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"millrace/infra/cli"
	"millrace/infra/minio"
	"millrace/infra/settings"
)

// env is the command that prints a role's exports. Without a running stack it prints the addresses of the last one.
type env struct {
	settings.Home
	Role string `enum:"owner,ingestor,reactor,analyst,reporter,airflow" default:"owner" placeholder:"ROLE" help:"Whose credentials: owner, ingestor, reactor, analyst, reporter; or airflow, for the command airflow while it runs."`
}

// Notice says which home answers when it is not the folder's own: what this prints is taken over without being read.
func (e env) Notice() string { return e.Foreign() }

// Help shows an example.
func (env) Help() string {
	return "Also takes away, by unset, what the role may not have: a shell that acted for another role goes on as this one alone.\n\nExample:\n  eval \"$(.bin/stack env --role analyst)\""
}

// Run prints the exports of the role.
func (e env) Run(_ context.Context, out *cli.Output) error {
	h, err := openHome(e.Home.Home)
	if err != nil {
		return err
	}
	vars, err := settings.ReadEnv(string(h), e.Role)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no stack ever ran in %s: start one with `go tool task up`, or name its folder with --home or MILLRACE_HOME", h)
	}
	if err != nil {
		return err
	}
	if _, ok := vars["MILLRACE_CATALOG"]; !ok && (e.Role == minio.UserAnalyst || e.Role == minio.UserReporter) {
		slog.Warn("the catalog is in PostgreSQL, and no user is named that may only read it, so this role has no MILLRACE_CATALOG: make one (docs/operate.md, PostgreSQL) and start the stack with MILLRACE_CATALOG_READONLY", "role", e.Role)
	}
	_, err = fmt.Fprint(out, exports(vars))
	return err
}
