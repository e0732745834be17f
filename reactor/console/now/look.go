package now

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"millrace/infra/streams"
	"millrace/reactor/health"
	"millrace/reactor/lake"
	"millrace/reactor/stream"
)

const (
	// partsEvery is how often the parts are asked whether they are ready: that goes to the store, the broker and the catalog.
	partsEvery = 2 * time.Second
	// againAfter is when a state is read anew although nothing has changed: it says how long ago things were.
	againAfter = 5 * time.Second
)

// look is what the page has seen last. All who look see the same one.
type look struct {
	state State
	mark  uint64    // of what the state was read from
	at    time.Time // when it was read
	asked time.Time // when the parts were
	part  []byte    // the HTML that the state became, nil before that
}

// glance is what tells whether anything has changed: the tables' pointers, and how far the consumers are. To read it costs a hundredth
// of what the rest does.
type glance struct {
	view   *lake.View
	lags   []stream.Lag
	stores []stream.Store
}

// look reads how the lake stands, if that has changed since the last look. What cannot be read is left out, and Problem says so: a page
// that shows an outage must not fail with it. The page's lock is held.
func (p *Page) look(ctx context.Context) State {
	now, changed := time.Now(), false
	s := p.last.state
	if now.Sub(p.last.asked) >= partsEvery {
		before := s.Parts
		s.Ready, s.Parts = true, nil
		for _, part := range p.cfg.Parts(ctx) {
			s.Parts = append(s.Parts, partOf(part))
			s.Ready = s.Ready && part.Err == nil
		}
		p.last.asked, changed = now, !slices.Equal(before, s.Parts)
	}
	var problems []error
	g, err := p.glance(ctx)
	problems = append(problems, err)
	mark := g.mark()
	if mark != p.last.mark || s.Problem != "" || now.Sub(p.last.at) >= againAfter {
		changed = true
		s.queues(g)
		s.Upkeep = p.cfg.upkeep()
		if g.view != nil {
			tables, err := p.tables(ctx, g.view)
			s.Tables, problems = tables, append(problems, err)
		}
		problems = append(problems, p.objects(ctx, &s))
		p.last.mark, p.last.at = mark, now
	}
	if err := errors.Join(problems...); changed || err != nil {
		changed, s.Problem = true, ""
		if err != nil {
			s.Problem = health.Plain(err).Error()
		}
	}
	if p.last.state = s; changed {
		p.last.part = nil
	}
	return s
}

func (p *Page) glance(ctx context.Context) (g glance, err error) {
	var errs [3]error
	g.view, errs[0] = p.cfg.Lake.View(ctx)
	g.lags, errs[1] = stream.Lags(ctx, p.cfg.JS)
	slices.SortFunc(g.lags, func(a, b stream.Lag) int { return strings.Compare(a.Consumer, b.Consumer) })
	g.stores, errs[2] = stream.Stores(ctx, p.cfg.JS)
	return g, errors.Join(errs[:]...)
}

var seed = maphash.MakeSeed()

// mark is equal for two glances between which nothing has changed.
func (g glance) mark() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	if g.view != nil {
		for _, name := range slices.Sorted(maps.Keys(g.view.Tables)) {
			_, _ = h.WriteString(g.view.Tables[name].Location) // a hash takes everything
		}
		_, _ = fmt.Fprintln(&h, g.view.Pins.Step)
	}
	for _, l := range g.lags {
		_, _ = fmt.Fprintln(&h, l.Consumer, l.Waiting, l.Working, l.Settled)
	}
	for _, s := range g.stores {
		_, _ = fmt.Fprintln(&h, s.Stream, s.Messages)
	}
	return h.Sum64()
}

// queues takes over what the broker says. While it is away, what it said last stays.
func (s *State) queues(g glance) {
	if g.lags == nil || g.stores == nil {
		return
	}
	s.Queues, s.DeadLetters = nil, 0
	for _, l := range g.lags {
		s.Queues = append(s.Queues, Queue{Consumer: l.Consumer, Waiting: l.Waiting, Working: l.Working, Oldest: l.Oldest})
	}
	for _, store := range g.stores {
		if store.Stream == streams.DeadLetters {
			s.DeadLetters = store.Messages
		}
	}
}
