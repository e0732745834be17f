package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"millrace/infra/cli"
	"millrace/infra/settings"
)

// rotate is the command that gives a role new secrets.
type rotate struct {
	settings.Home
	Role string `required:"" enum:"owner,ingestor,reactor,analyst,reporter" placeholder:"ROLE" help:"Whose secrets: owner, ingestor, reactor, analyst, reporter."`
}

// Help says when they count and shows an example.
func (rotate) Help() string {
	return `Forgets the role's S3 key, NATS password and token; the next start makes others and writes the env files anew. The stack must be
stopped. Keys that the REST catalog lent for a table work until they expire, an hour at the longest.

Example:
  stack rotate --role analyst`
}

// Run forgets the role's secrets.
func (r rotate) Run(ctx context.Context, _ *cli.Output) error {
	h, err := openHome(r.Home.Home)
	if err != nil {
		return err
	}
	if _, err := os.Stat(h.credentialsFile()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no stack ever ran in %s: there are no secrets to change", h)
	}
	release, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	file, err := readCredentials(h.credentialsFile())
	if err != nil {
		return err
	}
	for _, secrets := range []map[string]string{file.S3, file.NATS, file.Tokens} {
		delete(secrets, r.Role)
	}
	if err := file.write(h.credentialsFile()); err != nil {
		return err
	}
	slog.Info("the role's secrets are forgotten; the next start of the stack makes others", "role", r.Role, "home", h)
	return nil
}
