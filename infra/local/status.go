package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"millrace/infra/cli"
	"millrace/infra/files"
	"millrace/infra/settings"
)

// readiness is what the file <home>/ready holds. The file is there only while everything is up: a stack that stops removes it
// first. If a killed stack left it, nobody holds the home's lock.
type readiness struct {
	PID       int       `json:"pid"`
	Since     time.Time `json:"since"`
	Synthetic bool      `json:"synthetic"`
	addresses
}

func (h home) writeReady(r readiness) error {
	text, err := json.Marshal(r)
	if err == nil {
		err = files.Replace(h.readyFile(), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("say that the stack is ready: %w", err)
	}
	return nil
}

func (h home) removeReady() error {
	if err := os.Remove(h.readyFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mark of a ready stack: %w", err)
	}
	return nil
}

// status is the command that says whether a stack runs.
type status struct {
	settings.Home
	Wait time.Duration `placeholder:"DURATION" help:"Wait this long for a stack that is starting."`
}

// Help shows an example.
func (status) Help() string {
	return "Exit code 1 when no stack is ready. Part console is for a browser: `stack env` prints its address with a token. Part iceberg is the REST catalog, with the warehouse " + warehouse + "; `stack env --role` prints a role's token for it.\n\nExample:\n  stack status --wait 30s --output json"
}

// Run prints one row for each part of the stack.
func (s status) Run(ctx context.Context, out *cli.Output) error {
	h, err := openHome(s.Home.Home)
	if err != nil {
		return err
	}
	ready, err := h.awaitReady(ctx, s.Wait)
	if err != nil {
		return err
	}
	prices := "the source itself"
	if ready.Simulator != "" {
		prices = ready.Simulator
	}
	parts := [][]any{{"s3", ready.S3}, {"nats", ready.NATS}, {"prices", prices}}
	if ready.HTTP != "" {
		parts = append(parts, []any{"reactor", ready.http()}, []any{"console", ready.http() + "/"}, []any{"iceberg", ready.iceberg()})
	}
	return out.Table([]string{"part", "address"}, parts)
}

func (h home) awaitReady(ctx context.Context, wait time.Duration) (readiness, error) {
	deadline := time.After(wait)
	for {
		ready, err := h.readReady()
		if err == nil {
			return ready, nil
		}
		select {
		case <-deadline:
			return readiness{}, err
		case <-ctx.Done():
			return readiness{}, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (h home) readReady() (readiness, error) {
	notReady := fmt.Errorf("no stack is ready in %s: start one with `go tool task up`", h)
	text, err := os.ReadFile(h.readyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return readiness{}, notReady
	}
	var ready readiness
	if err == nil {
		err = json.Unmarshal(text, &ready)
	}
	if err != nil {
		return readiness{}, fmt.Errorf("read the mark of a ready stack: %w", err)
	}
	running, err := h.locked()
	if err != nil {
		return readiness{}, err
	}
	if !running {
		return readiness{}, notReady
	}
	return ready, nil
}
