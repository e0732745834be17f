package promote

import (
	"context"
	"fmt"
	"time"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// Stray records the events that nobody waits for, and makes them dead letters.
type Stray struct {
	lake *lake.Lake
}

// NewStray makes the promoter of strays.
func NewStray(l *lake.Lake) *Stray { return &Stray{l} }

// Handle gives every object up, with the reason.
func (s *Stray) Handle(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	var entries []lake.Entry
	for i, d := range batch {
		route, err := event.RouteOf(d.Object)
		if err != nil {
			errs[i] = event.DeadAs(event.Unrouted, "%v", err)
		} else {
			errs[i] = event.DeadAs(event.Unrouted, "no dataset %q is defined: define it (reactor/silver/datasets), then `reactor dlq retry`", route.Name)
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
