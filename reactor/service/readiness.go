package service

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/health"
	"millrace/reactor/promote"
	"millrace/reactor/stream"
)

// answerWithin bounds the questions of readiness.
const answerWithin = 4 * time.Second

// readiness asks everything that the reactor needs whether it answers, side by side: a part that hangs hides no other.
func (s *Service) readiness(ctx context.Context) []health.Part {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return health.Ask(ctx, map[string]func(context.Context) error{
		"nats": func(ctx context.Context) error {
			_, err := s.cfg.JS.AccountInfo(ctx)
			return err
		},
		"streams": func(ctx context.Context) error {
			_, err := stream.Stores(ctx, s.cfg.JS)
			return err
		},
		"object_storage": s.cfg.Bucket.There,
		"bronze":         s.covers.Err,
		"progress":       s.stuck.Err,
		"catalog": func(ctx context.Context) error {
			_, err := s.cfg.Lake.OwnView(ctx)
			return err
		},
		"gold": func(ctx context.Context) error {
			view, err := s.cfg.Lake.OwnView(ctx)
			if err != nil {
				return nil // the catalog's part says so
			}
			return errors.Join(promote.Failed(view), s.gold.Audited(), promote.LostByModels(view, s.cfg.Models))
		},
		"silver": func(ctx context.Context) error {
			view, err := s.cfg.Lake.View(ctx)
			if err != nil {
				return nil // the catalog's part says so
			}
			if err := promote.LostColumns(ctx, s.cfg.Lake, view); err != nil {
				return err
			}
			return s.rereads(ctx)
		},
	})
}

// rereads tells, as a note, of tables whose objects are read again because their definition has changed. The reactor does that by
// itself, and the tables can be used meanwhile.
func (s *Service) rereads(ctx context.Context) error {
	var notes []string
	for _, p := range s.silver {
		text, err := p.Rereads(ctx)
		if err != nil {
			return err
		}
		if text != "" {
			notes = append(notes, text)
		}
	}
	if len(notes) == 0 {
		return nil
	}
	return health.Note(strings.Join(notes, "; "))
}

// stuckGauge shows how many events fail again and again.
func stuckGauge(s *stream.Stuck) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "millrace_stuck_events", Help: "Events that have failed again and again for more than a minute; /readyz names the oldest.",
	}, func() float64 { return float64(s.Count()) })
}
