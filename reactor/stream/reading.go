package stream

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

// asking is how many questions to the store are on their way at once. One takes some ten milliseconds on a store that is far away.
const asking = 32

// reading is what a message of the store comes to.
type reading struct {
	arrivals []event.Arrival
	// malformed is why a part of it cannot be read, which no retry mends; failed why the store could not be asked.
	malformed, failed error
}

// read reads a batch of messages, and asks the store what they leave open, side by side.
func (r *Router) read(ctx context.Context, batch []message) []reading {
	all := make([]reading, len(batch))
	for i, m := range batch {
		arrivals, err := r.Rule.Parse(m.Data())
		if err != nil {
			all[i].malformed = event.DeadAs(event.Malformed, "%v", err)
		}
		for _, a := range arrivals {
			switch {
			case a.Bucket != r.Bucket:
			case bronze.Ignored(a.Key) != "":
				if r.Ignored != nil {
					r.Ignored(a.Object)
				}
			default:
				all[i].arrivals = append(all[i].arrivals, a)
			}
		}
	}
	r.find(ctx, all)
	return all
}

// find asks the store for the versions whose messages leave something open, each once. A version that is not there any more keeps the
// time of its event: the promoter finds out that it is gone, as it does when it goes a moment later.
func (r *Router) find(ctx context.Context, all []reading) {
	type answer struct {
		found event.Object
		there bool
		err   error
	}
	answers := map[event.Object]*answer{}
	var g errgroup.Group
	g.SetLimit(asking)
	for _, one := range all {
		for _, a := range one.arrivals {
			if !a.Open || answers[wanted(a)] != nil {
				continue
			}
			about := &answer{}
			answers[wanted(a)] = about
			g.Go(func() error {
				about.found, about.there, about.err = r.Find(ctx, a.Object)
				return nil
			})
		}
	}
	_ = g.Wait() // each answer has its own error
	for i := range all {
		for n, a := range all[i].arrivals {
			about := answers[wanted(a)]
			switch {
			case !a.Open:
			case about.err != nil:
				all[i].failed = fmt.Errorf("ask the store for %s version %s, of which a message told: %w", a.Key, a.Version, about.err)
			case about.there:
				all[i].arrivals[n].Object = about.found
			}
		}
	}
}

// wanted names the version that an arrival is about.
func wanted(a event.Arrival) event.Object {
	return event.Object{Bucket: a.Bucket, Key: a.Key, Version: a.Version}
}
