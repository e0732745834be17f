package command

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/gold"
	"millrace/reactor/reload"
	"millrace/reactor/service"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

type reloadCmd struct {
	settings.Home
	modelFlags
	Timeout time.Duration `default:"5m" help:"Give up waiting for the reactor after this time; it goes on nevertheless."`
}

func (*reloadCmd) Help() string {
	return `Has the reactor of this home folder take the files of datasets and models as they are now. The reactor looks at them first: files that a start
would refuse change nothing, and the command says what is wrong with them. Else it stops its work in order and begins anew in the same
process, at the same address: that is a start, and reactor plan shows beforehand what it does. A SIGHUP to the reactor does the same. The
folders are those that the reactor was started with; another folder needs another start.

Example:

  reactor plan && reactor reload`
}

func (c *reloadCmd) Run(ctx context.Context, out *cli.Output) error {
	if _, err := c.load(ctx); err != nil { // with the place in the file, before the reactor is asked
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("the reactor has not begun anew after %v; its log tells more", c.Timeout))
	defer cancel()
	bar := out.Progress(-1, "reloading")
	defer bar.Done()
	if err := reload.Ask(ctx, c.Home.Home); err != nil {
		return err
	}
	bar.Done()
	return out.Table([]string{"datasets", "state"}, [][]any{{len(datasets.All()), "taken"}})
}

// serveAgain runs a reactor, and another one in its place each time that it is told to take other files.
func (c *runCmd) serveAgain(ctx context.Context, l opened, js jetstream.JetStream, unanswered func() uint64) error {
	told, err := reload.Listen(c.Home.Home)
	if err != nil {
		return err
	}
	defer told.Close()
	cfg, err := c.service(l, js, unanswered)
	if err != nil {
		return err
	}
	for {
		// Before anything begins: a model that is refused ends the start.
		if cfg.Models, err = c.load(ctx); err != nil {
			return err
		}
		s, err := service.New(ctx, cfg)
		if err != nil {
			return err
		}
		told.Taken()
		cfg.HTTPAddr = s.Addr().String() // of port 0
		again, err := c.until(ctx, l, s, told)
		s.Close()
		if err != nil || !again {
			return err
		}
		if err := datasets.Use(ownDatasets()); err != nil {
			return err
		}
	}
}

// until runs a reactor until it ends, or until it is told to take files that a start would take.
func (c *runCmd) until(ctx context.Context, l opened, s *service.Service, told *reload.Told) (again bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for {
		select {
		case err := <-ended:
			return again, err
		case <-told.Asked():
			if err := c.takes(ctx, l); err != nil {
				slog.Error("the files of datasets and models are not taken; the reactor goes on with those that it has", "error", err)
				told.Refused(err)
				continue
			}
			slog.Info("taking the files of datasets and models as they are now")
			again = true
			stop()
		}
	}
}

// takes fails with what is wrong where a start would not take the files.
func (c *runCmd) takes(ctx context.Context, l opened) error {
	list, err := datasets.With(ownDatasets())
	if err != nil {
		return err
	}
	inputs, err := tables.InputsOf(list)
	if err != nil {
		return err
	}
	if _, err := gold.Load(ctx, inputs, c.Models); err != nil {
		return err
	}
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	return tables.Refused(view, list)
}
