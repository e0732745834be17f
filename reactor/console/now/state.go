package now

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"millrace/infra/streams"
	"millrace/reactor/health"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

// State is how the lake stands.
type State struct {
	Ready   bool     `json:"ready"`
	Parts   []Part   `json:"parts"`
	Objects []Object `json:"objects"`
	Tables  []Table  `json:"tables"`
	Queues  []Queue  `json:"queues"`
	// DeadLetters is how many there are.
	DeadLetters uint64 `json:"dead_letters"`
	// Delays are those of the objects of the last hour, from PUT to gold.
	Delays Delays `json:"delays"`
	// Problem says what could not be read, "" when everything could.
	Problem string `json:"problem,omitempty"`
}

// Part is something that the reactor needs; Reason says why it is not ready.
type Part struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
}

// Table is a table of silver or gold.
type Table struct {
	Name        string    `json:"table"`
	Rows        int64     `json:"rows"`
	CommittedAt time.Time `json:"committed_at"`
}

// Queue is what a consumer has before it.
type Queue struct {
	Consumer string    `json:"consumer"`
	Waiting  uint64    `json:"waiting"`
	Working  int       `json:"working"`
	Oldest   time.Time `json:"oldest"`
}

// Busy tells whether there is anything to do.
func (q Queue) Busy() bool { return q.Waiting > 0 || q.Working > 0 }

// Of returns the tables of a layer, silver or gold.
func (s State) Of(layer string) []Table {
	return slices.DeleteFunc(slices.Clone(s.Tables), func(t Table) bool { return !strings.HasPrefix(t.Name, layer+".") })
}

// Busy tells whether a consumer of a layer works: bronze's is the router, and silver's promote to silver.
func (s State) Busy(layer string) bool {
	return slices.ContainsFunc(s.Queues, func(q Queue) bool {
		is := "silver"
		switch q.Consumer {
		case "router":
			is = "bronze"
		case "gold":
			is = "gold"
		}
		return is == layer && q.Busy()
	})
}

// state reads how the lake stands. What cannot be read is left out, and Problem says so: a page that shows an outage must not
// fail with it.
func (p *Page) state(ctx context.Context) State {
	s := State{Ready: true}
	for _, part := range p.cfg.Parts(ctx) {
		s.Parts = append(s.Parts, partOf(part))
		s.Ready = s.Ready && part.Err == nil
	}
	var problems []string
	for _, read := range []func(context.Context, *State) error{p.tables, p.queues, p.recent} {
		if err := read(ctx, &s); err != nil {
			problems = append(problems, err.Error())
		}
	}
	s.Problem = strings.Join(problems, "\n")
	return s
}

func partOf(part health.Part) Part {
	p := Part{Name: part.Name, Ready: part.Err == nil}
	if part.Err != nil {
		p.Reason = part.Err.Error()
	}
	return p
}

func (p *Page) tables(ctx context.Context, s *State) error {
	view, err := p.cfg.Lake.View(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		t := Table{Name: name}
		if now := view.Tables[name].Snapshot(); now != nil {
			t.CommittedAt = time.UnixMilli(now.TimestampMs)
			if t.Rows, err = p.cfg.Lake.Rows(ctx, view.Tables[name], now); err != nil {
				return err
			}
		}
		s.Tables = append(s.Tables, t)
	}
	return nil
}

func (p *Page) queues(ctx context.Context, s *State) error {
	lags, err := stream.Lags(ctx, p.cfg.JS)
	if err != nil {
		return err
	}
	for _, l := range lags {
		s.Queues = append(s.Queues, Queue{Consumer: l.Consumer, Waiting: l.Waiting, Working: l.Working, Oldest: l.Oldest})
	}
	slices.SortFunc(s.Queues, func(a, b Queue) int { return strings.Compare(a.Consumer, b.Consumer) })
	stores, err := stream.Stores(ctx, p.cfg.JS)
	if err != nil {
		return err
	}
	for _, store := range stores {
		if store.Stream == streams.DeadLetters {
			s.DeadLetters = store.Messages
		}
	}
	return nil
}

func (p *Page) recent(ctx context.Context, s *State) error {
	now := time.Now()
	var all []Object
	for _, name := range tables.Silver() {
		objects, err := p.times.of(ctx, name, now.Add(-time.Hour))
		if err != nil {
			return err
		}
		all = append(all, objects...)
	}
	slices.SortFunc(all, func(a, b Object) int { return b.PutAt.Compare(a.PutAt) })
	s.Delays = delaysOf(all)
	s.Objects = all[:min(len(all), shown)]
	return nil
}

// shown is how many objects the page lists.
const shown = 15
