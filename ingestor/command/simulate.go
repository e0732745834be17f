package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/market"
)

// Simulate serves CoinCap's API with prices of its own.
type Simulate struct {
	Listen   string          `name:"listen" env:"MILLRACE_SIMULATOR_ADDR" default:"127.0.0.1:8090" placeholder:"ADDR" help:"Address to serve at; port 0 takes a free one."`
	Seed     uint64          `name:"seed" default:"1" help:"Seed of the prices: the same seed and time give the same ones."`
	Recorded string          `name:"recorded" type:"existingdir" placeholder:"DIR" help:"Serve the genuine responses in this folder in place of synthetic ones."`
	Key      settings.Secret `name:"key" env:"MILLRACE_SIMULATOR_KEY" placeholder:"SECRET" help:"Answer 401 to calls without this key."`
	Restate  []string        `name:"restate" placeholder:"SLUG:DAY:FACTOR" help:"Change an asset's prices of one past day by a factor."`

	faultFlags `embed:"" group:"Faults (N: the first N calls; 0.2 or 20%: a share of all)"`
}

// faultFlags make the simulator fail.
type faultFlags struct {
	Latency    time.Duration `name:"latency" help:"Wait before every answer."`
	Fail401    coincap.Fault `name:"fail-401" placeholder:"N|SHARE" help:"Refuse the key."`
	Fail429    coincap.Fault `name:"fail-429" placeholder:"N|SHARE" help:"Refuse the rate."`
	RetryAfter time.Duration `name:"retry-after" default:"1s" help:"Retry-After of a 429, in whole seconds."`
	Fail500    coincap.Fault `name:"fail-500" placeholder:"N|SHARE" help:"Answer with a server error."`
	Truncate   coincap.Fault `name:"truncate" placeholder:"N|SHARE" help:"Break off in the middle of the body."`
	HTML       coincap.Fault `name:"html" placeholder:"N|SHARE" help:"Answer with a page, as a proxy does."`
	Farewell   coincap.Fault `name:"farewell" placeholder:"N|SHARE" help:"Answer as version 2 does since its end."`
	Missing    coincap.Fault `name:"missing" placeholder:"N|SHARE" help:"Answer 404 to calls for a history."`
	Empty      coincap.Fault `name:"empty" placeholder:"N|SHARE" help:"Answer with a history that has no points."`
	OtherDays  coincap.Fault `name:"other-days" placeholder:"N|SHARE" help:"Answer with the history of the week before."`
	OddIDs     coincap.Fault `name:"odd-ids" placeholder:"N|SHARE" help:"Answer with a list whose last two assets have a blank and a slash in their ids."`
}

// Help holds the examples.
func (Simulate) Help() string {
	return "Examples:\n\n    ingestor simulate --seed 7\n    ingestor simulate --fail-429 20% --retry-after 2s\n    ingestor simulate --recorded responses/\n\n" +
		"Other commands use it with COINCAP_BASE_URL set to the address it prints."
}

// Run serves until it is stopped. The address is printed as soon as calls are answered.
func (c Simulate) Run(ctx context.Context, out *cli.Output) error {
	restated, err := restatements(c.Restate)
	if err != nil {
		return err
	}
	simulator, err := coincap.NewSimulator(coincap.SimulatorConfig{
		Seed: c.Seed, Key: c.Key, Recorded: c.Recorded, Restated: restated,
		Faults: coincap.Faults{
			Latency: c.Latency, Unauthorized: c.Fail401, RateLimited: c.Fail429, RetryAfter: c.RetryAfter,
			ServerError: c.Fail500, Truncated: c.Truncate, HTML: c.HTML, Farewell: c.Farewell,
			Missing: c.Missing, Empty: c.Empty, OtherDays: c.OtherDays, OddIDs: c.OddIDs,
		},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("serve at %s (--listen, MILLRACE_SIMULATOR_ADDR): %w", c.Listen, err)
	}
	serves := "synthetic prices: no market ever had them"
	if c.Recorded != "" {
		serves = "responses recorded in " + c.Recorded
	}
	slog.Info("simulator serves", "prices", serves)
	if err := out.Table([]string{"COINCAP_BASE_URL"}, [][]any{{"http://" + listener.Addr().String() + "/v3"}}); err != nil {
		return err
	}
	server := &http.Server{Handler: simulator, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(limit)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve at %s: %w", listener.Addr(), err)
	}
	return <-stopped
}

// restatements reads --restate.
func restatements(texts []string) ([]market.Restatement, error) {
	var all []market.Restatement
	for _, text := range texts {
		parts := strings.Split(text, ":")
		if len(parts) != 3 {
			return nil, cli.Usage("--restate %q is not SLUG:DAY:FACTOR, such as bitcoin:2025-06-01:1.1", text)
		}
		day, err := bronze.ParseDay(parts[1])
		if err != nil {
			return nil, cli.Usage("--restate %q: %w", text, err)
		}
		factor, err := strconv.ParseFloat(parts[2], 64)
		if err != nil {
			return nil, cli.Usage("--restate %q: the factor %q is no number", text, parts[2])
		}
		all = append(all, market.Restatement{Asset: parts[0], Day: day.Start(), Factor: factor})
	}
	return all, nil
}
