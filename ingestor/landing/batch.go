package landing

import (
	"context"
	"fmt"
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
	What  string // what the calls are for, in the plural, for the error
	Calls []Call
	Day   func() bronze.Day // for which an answer lands; asked when it is there
	Step  func()            // called after each answer that landed; nil for nothing
}

// Call fetches one answer.
type Call func(context.Context) (*source.Response, error)

// LandAll makes the calls and puts their answers; results are in the order of the calls. A failure that every other call
// would share ends it. A single call's own does not keep the others out, and is reported at the end. What was put stays: a
// second run finds it there.
func (l *Lander) LandAll(ctx context.Context, b Batch) ([]Landed, error) {
	landed := make([]*Landed, len(b.Calls))
	var mu sync.Mutex
	var failures []error
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, call := range b.Calls {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			result, err := l.fetch(ctx, call, b.Day)
			if failure, ok := source.AsFailure(err); ok && failure.Single() {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
				return nil
			}
			if err != nil {
				return err
			}
			landed[i] = &result
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
	var results []Landed
	for _, one := range landed {
		if one != nil {
			results = append(results, *one)
		}
	}
	return results, err
}

// fetch makes one call and puts its answer.
func (l *Lander) fetch(ctx context.Context, call Call, day func() bronze.Day) (Landed, error) {
	response, err := call(ctx)
	if err != nil {
		return Landed{}, err
	}
	l.Count(response)
	return l.Land(ctx, day(), response)
}
