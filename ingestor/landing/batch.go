package landing

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"millrace/ingestor/bronze"
	"millrace/ingestor/source"
)

// parallel is the number of calls under way at once. A source's rate limit is what holds calls back; this only keeps a slow
// source from being asked for hundreds of answers at the same time.
const parallel = 16

// Batch is calls that are made side by side.
type Batch struct {
	What     string // what the calls are for, in the plural, for the error
	Calls    []Call
	Day      func() bronze.Day // for which an answer lands; asked when it is there
	Step     func()            // called after each call whose answers landed; nil for nothing
	Parallel int               // calls under way at once; 0 for as many as there may be
}

// Call fetches an answer, or several that follow from each other, and lands each when it is there.
type Call func(ctx context.Context, land func(*source.Response) error) error

// One is a call that fetches one answer.
func One(fetch func(context.Context) (*source.Response, error)) Call {
	return func(ctx context.Context, land func(*source.Response) error) error {
		response, err := fetch(ctx)
		if err != nil {
			return err
		}
		return land(response)
	}
}

// LandAll makes the calls and puts their answers; results are in the order of the calls. A failure that every other call
// would share ends it. A single call's own does not keep the others out, and is reported at the end. What was put stays: a
// second run finds it there.
func (l *Lander) LandAll(ctx context.Context, b Batch) ([]Landed, error) {
	landed := make([][]Landed, len(b.Calls))
	var mu sync.Mutex
	var failures []error
	group, ctx := errgroup.WithContext(ctx)
	if group.SetLimit(parallel); b.Parallel > 0 {
		group.SetLimit(min(b.Parallel, parallel))
	}
	for i, call := range b.Calls {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err := call(ctx, func(response *source.Response) error {
				l.Count(response)
				result, err := l.Land(ctx, b.Day(), response)
				if err == nil {
					landed[i] = append(landed[i], result)
				}
				return err
			})
			if failure, ok := source.AsFailure(err); ok && failure.Single() {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
				return nil
			}
			if err != nil {
				return err
			}
			if b.Step != nil {
				b.Step()
			}
			return nil
		})
	}
	err := group.Wait()
	if err == nil && len(failures) > 0 {
		err = fmt.Errorf("%d of %d %s failed, the first so: %w", len(failures), len(b.Calls), b.What, failures[0])
	}
	return slices.Concat(landed...), err
}
