package promote

import (
	"context"
	"fmt"
	"path"
	"time"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
)

// Stray records events that no table waits for and makes them dead letters.
type Stray struct {
	lake *lake.Lake
}

// NewStray makes the promoter of strays.
func NewStray(l *lake.Lake) *Stray { return &Stray{l} }

// former returns the entries of a deleted version, marked as removed: its dead letter is obsolete.
func (s *Stray) former(ctx context.Context, d event.Delivery) ([]lake.Entry, error) {
	all, err := s.lake.EntriesOf(ctx, d.Object.Key)
	if err != nil {
		return nil, err
	}
	told := entryOf(d, time.Now())
	told.Outcome = lake.OutcomeRemoved
	former := []lake.Entry{told}
	for _, e := range all {
		if e.SourceVersion == d.Object.Version {
			e.Outcome, e.Reason, e.At = lake.OutcomeRemoved, "", told.At
			former = append(former, e)
		}
	}
	return former, nil
}

// Handle makes each object a dead letter with its reason. Removals only mark what the ledger has.
func (s *Stray) Handle(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	var entries []lake.Entry
	for i, d := range batch {
		if d.Object.Removed {
			former, err := s.former(ctx, d)
			entries, errs[i] = append(entries, former...), err
			continue
		}
		route, err := event.RouteOf(d.Object)
		if n, first, below := s.lake.Below(ctx, d.Object.Key); below == nil && n > 0 {
			errs[i] = event.DeadAs(event.Hiding, "%s", reconcile.Hides(d.Object.Key, n, first))
		} else if err != nil {
			errs[i] = event.DeadAs(event.Unrouted, "%v", err)
		} else {
			errs[i] = event.DeadAs(event.Unrouted, "no dataset %[1]q is defined: propose its file with `mkdir -p datasets/%[3]s; reactor dataset infer %[2]s > datasets/%[1]s.yaml`, see what it makes of the object with `reactor dataset try datasets/%[1]s.yaml %[2]s`, start with MILLRACE_DATASETS=datasets, then `reactor dlq retry`", route.Name, d.Object.Key, path.Dir(route.Name))
		}
		e := entryOf(d, time.Now())
		e.Outcome, e.Reason = lake.OutcomeDead, errs[i].Error()
		entries = append(entries, e)
	}
	if err := s.lake.Record(ctx, entries...); err != nil {
		for i := range errs {
			errs[i] = fmt.Errorf("record strays: %w", err)
		}
	}
	return errs
}
