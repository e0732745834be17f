package now

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"millrace/reactor/health"
	"millrace/reactor/lake"
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
	Upkeep Upkeep `json:"upkeep"`
	// Problem says what could not be read, "" when everything could.
	Problem string `json:"problem,omitempty"`
}

// Part is something that the reactor needs; Reason says why it is not ready, and Advice what to do where the reason does not.
type Part struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
}

// advice is what to do about the parts that are programs of their own.
var advice = map[string]string{
	"object_storage": "`stack status` shows whether MinIO runs, and log/minio.log in the lakehouse's folder why not; `stack up` starts it again. Nothing is lost: the reactor goes on where it was.",
	"nats":           "`stack status` shows whether the broker runs, and log/nats.log in the lakehouse's folder why not; `stack up` starts it again. Nothing is lost: MinIO keeps its events until the broker is back.",
	"catalog":        "The catalog is the file or the database that MILLRACE_CATALOG names; without it nothing is promoted, and nothing is lost: events wait.",
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

// state reads how the lake stands.
func (p *Page) state(ctx context.Context) State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.look(ctx)
}

func partOf(part health.Part) Part {
	p := Part{Name: part.Name, Ready: part.Err == nil}
	if part.Err != nil {
		p.Reason, p.Advice = part.Err.Error(), advice[p.Name]
	}
	return p
}

func (p *Page) tables(ctx context.Context, view *lake.View) (all []Table, err error) {
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		t := Table{Name: name}
		if now := view.Tables[name].Snapshot(); now != nil {
			t.CommittedAt = time.UnixMilli(now.TimestampMs)
			if t.Rows, err = p.cfg.Lake.Rows(ctx, view.Tables[name], now); err != nil {
				return nil, err
			}
		}
		all = append(all, t)
	}
	return all, nil
}

func (p *Page) objects(ctx context.Context, s *State) error {
	now := time.Now()
	var all []Object
	for _, name := range tables.Silver() {
		objects, err := p.recent.of(ctx, name, now.Add(-time.Hour))
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
