package service

import (
	"context"
	"slices"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/stream"
	"millrace/reactor/upkeep"
)

// handler promotes a batch of events, with one error for each.
type handler func(context.Context, []event.Delivery) []error

// addConsumer adds what hands the events of some subjects to a handler. table is how metrics name it; idle may be nil.
func (s *Service) addConsumer(name, table string, subjects []string, handle handler, idle func(context.Context)) *stream.Consumer {
	c := &stream.Consumer{
		JS: s.cfg.JS, Log: s.cfg.Log, Name: name, Subjects: subjects, Idle: idle, Letters: s.letters, Stuck: s.stuck, Buried: s.promote.Metrics.Buried,
		Handle: s.promote.Metrics.Handled(table, handle),
	}
	s.advisory.Watch(name)
	s.add("consumer "+name, c.Run)
	return c
}

// addSilver adds the promoter of each dataset.
func (s *Service) addSilver(ctx context.Context) error {
	for _, d := range datasets.All() {
		p, err := promote.NewSilver(s.promote, d)
		if err != nil {
			return err
		}
		s.onClose(p.Close)
		s.silver = append(s.silver, p)
		if err := p.Prepare(ctx); err != nil {
			return err
		}
		idle, err := s.compactor(p.Tables())
		if err != nil {
			return err
		}
		c := s.addConsumer(stream.SilverConsumer(d.Table), d.TableName(), []string{event.Route{Layer: event.Bronze, Name: d.Name}.Subject()}, p.Handle, idle)
		s.backlogs = append(s.backlogs, c.Waiting)
	}
	return nil
}

// addGold adds the promoter of gold, what tells Airflow of its commits, and brings gold to where silver is: what happened
// while no reactor ran, and models that have changed, wait for no event.
func (s *Service) addGold(ctx context.Context) error {
	reporter := s.reporter()
	s.add("reports to Airflow", reporter.Run)
	cfg := s.promote
	cfg.OnCommit = reportTo(reporter)
	g, err := promote.NewGold(cfg, s.cfg.Models)
	if err != nil {
		return err
	}
	s.onClose(g.Close)
	s.gold = g
	if err := s.cfg.Lake.Create(ctx, g.Tables()...); err != nil {
		return err
	}
	if err := g.Bring(ctx); err != nil {
		s.cfg.Log.Error("gold could not be brought to silver at the start; the next event tries again", "error", err)
	}
	s.add("models that failed", g.TryAgain)
	idle, err := s.compactor(g.Tables())
	if err != nil {
		return err
	}
	s.addConsumer(stream.GoldConsumer, stream.GoldConsumer, g.Subjects(), s.patient(s.mended(g.Handle)), idle)
	return nil
}

// mended lets silver look at each change of its tables that is not its own, before gold does and, because the event may come before
// the change, after it: gold hears of a rollback and of a dropped column at once, and no object may come for a day.
func (s *Service) mended(handle handler) handler {
	return func(ctx context.Context, batch []event.Delivery) []error {
		own := !slices.ContainsFunc(batch, func(d event.Delivery) bool {
			return !slices.ContainsFunc(s.silver, func(p *promote.Silver) bool { return p.Left(d.Object) })
		})
		if own {
			return handle(ctx, batch)
		}
		s.mend(ctx)
		defer s.mend(ctx)
		return handle(ctx, batch)
	}
}

func (s *Service) mend(ctx context.Context) {
	for _, p := range s.silver {
		if err := p.RemoveAgain(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("cannot mend what a rollback or another engine did to a table of silver; its next commit tries again", "error", err)
		}
	}
}

// addStray adds what makes dead letters of objects that nobody waits for.
func (s *Service) addStray(context.Context) error {
	s.addConsumer("stray", "stray", []string{event.Stray}, promote.NewStray(s.cfg.Lake).Handle, nil)
	return nil
}

// compactor makes the upkeep of some tables, for the pauses of their consumer.
func (s *Service) compactor(tables []lake.Definition) (idle func(context.Context), err error) {
	c, err := upkeep.New(s.cfg.Lake, s.db, s.promote.Cache, tables)
	if err != nil {
		return nil, err
	}
	s.onClose(c.Close)
	return c.Idle(s.cfg.Log, s.upkeep), nil
}
