package gold

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// sideBySide computes the models of a small step on several connections, each model as soon as those that it reads are complete. The
// rows are those of one connection: a model's statement has one thread, and sees complete tables only.
func (s *Set) sideBySide(ctx context.Context, conns []*duck.Conn, p plan.Plan, steps []*Model, made func(*Model)) error {
	free := make(chan *duck.Conn, len(conns))
	for _, c := range conns {
		free <- c
	}
	complete := map[string]chan struct{}{}
	for _, m := range steps {
		complete[m.Name] = make(chan struct{})
	}
	var telling sync.Mutex // made is called by one goroutine at a time
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range steps {
		g.Go(func() error {
			for _, in := range m.Inputs {
				if err := await(ctx, complete[in]); err != nil {
					return err
				}
			}
			var conn *duck.Conn
			select {
			case conn = <-free:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			err := s.one(ctx, conn, p, m, p.Write[m.Name])
			free <- conn
			if err != nil {
				return err
			}
			close(complete[m.Name])
			telling.Lock()
			defer telling.Unlock()
			made(m)
			return nil
		})
	}
	return g.Wait()
}

// await waits until a table is complete. One that the step does not write, whose channel is nil, is.
func await(ctx context.Context, complete <-chan struct{}) error {
	if complete == nil {
		return nil
	}
	select {
	case <-complete:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
