package reconcile

import (
	"context"
	"time"

	"millrace/reactor/event"
)

// outdated publishes the events of those of the objects that an earlier definition read, and returns the others. They come as a
// replay: the broker may still know their first events, and nobody waits for them as for a new object. What a pass published within
// the last hour is on its way.
func (p *pass) outdated(ctx context.Context, objects []event.Object) (others []event.Object, err error) {
	ids := make([]string, len(objects))
	for i, o := range objects {
		ids[i] = string(o.ID())
	}
	known, err := p.r.ledger.OutdatedOf(ctx, ids)
	if err != nil || len(known) == 0 {
		return objects, err
	}
	out := sender{publish: p.r.publish, run: NewRun(time.Now()), shared: true}
	lately := !p.r.reread.IsZero() && time.Since(p.r.reread) < anew
	// The newest first: a row that an object does not give any more leaves its place to one of an older object, which comes after it.
	for i := len(objects) - 1; i >= 0; i-- {
		switch {
		case !known[ids[i]]:
			others = append(others, objects[i])
		case lately:
			p.found.Waiting++
		default:
			if err := out.send(ctx, objects[i]); err != nil {
				return nil, err
			}
			p.found.Outdated++
		}
	}
	return others, out.flush(ctx)
}
