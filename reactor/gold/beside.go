package gold

import (
	"context"
	"sync"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// beside computes models on several connections, each model as soon as those that it reads are there. Two models that do not read each other
// take two cores then: an object was in gold a fifth sooner.
//
// A model that fails keeps the others from beginning, and lets those that have begun come to their end, as they would have if they had
// been first.
type beside struct {
	set  *Set
	made func(*Model)
	next chan *Model
	done map[string]chan struct{} // by model: closed when its rows are there, or never will be

	// memory is shared by models that are computed, and held alone by one for which it was not enough beside another.
	memory sync.RWMutex
	mu     sync.Mutex
	failed map[string]error // by model
}

// sideBySide computes a plan's days of the models on all connections, and returns the error of the first model that failed.
func (s *Set) sideBySide(ctx context.Context, conns []*duck.Conn, p plan.Plan, steps []*Model, made func(*Model)) error {
	b := &beside{set: s, made: made, next: make(chan *Model, len(steps)), done: map[string]chan struct{}{}, failed: map[string]error{}}
	for _, m := range steps {
		b.done[m.Name] = make(chan struct{})
		b.next <- m
	}
	close(b.next)
	var work sync.WaitGroup
	for _, conn := range conns {
		work.Go(func() {
			for m := range b.next {
				b.compute(ctx, conn, m, p.Write[m.Name])
			}
		})
	}
	work.Wait()
	for _, m := range steps {
		if err := b.failed[m.Name]; err != nil {
			return err
		}
	}
	return nil
}

// compute waits for the models that m reads, computes m unless one failed, and tells that it is done. It never waits for ever: models are
// begun in the order in which they read each other.
func (b *beside) compute(ctx context.Context, conn *duck.Conn, m *Model, write plan.Days) {
	defer close(b.done[m.Name])
	for _, in := range m.Inputs {
		if done, ok := b.done[in]; ok {
			<-done
		}
	}
	b.mu.Lock()
	stop := len(b.failed) > 0
	b.mu.Unlock()
	if stop {
		return
	}
	err := b.run(ctx, conn, m, write)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.failed[m.Name] = err
		return
	}
	b.made(m)
}

// run computes a model beside others. If the memory is not enough, it does so once more, alone.
func (b *beside) run(ctx context.Context, conn *duck.Conn, m *Model, write plan.Days) error {
	over := b.set.computing(m)
	defer over()
	b.memory.RLock()
	err := b.set.insert(ctx, conn, m, write)
	b.memory.RUnlock()
	if duck.OutOfMemory(err) {
		b.memory.Lock()
		defer b.memory.Unlock()
		return b.set.step(ctx, conn, m, write)
	}
	return m.blamed(ctx, write, err)
}
