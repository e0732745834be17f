package stream

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"millrace/reactor/event"
)

const (
	// stuckAfter is for how long an event has to fail before its consumer counts as one that makes no progress: by then it
	// was tried some ten times.
	stuckAfter = time.Minute
	// forgottenAfter is from when on an event that failed is no trouble any more, without having been done: the broker, or
	// another reactor, has it. Delays between two tries end at a minute.
	forgottenAfter = 5 * time.Minute
)

// Stuck knows the events that fail again and again. Nothing else shows them: they have no dead letter, because another try may
// go well, and every part that the reactor needs may answer. Safe for concurrent use; nil knows nothing.
type Stuck struct {
	mu     sync.Mutex
	events map[stuckKey]failing
}

type stuckKey struct {
	consumer string
	event    event.ID
}

// failing is an event that failed, and was not done since.
type failing struct {
	object      event.Object
	first, last time.Time
	attempts    uint64
	err         error
}

// NewStuck makes one that knows nothing yet.
func NewStuck() *Stuck { return &Stuck{events: map[stuckKey]failing{}} }

// Failed is told of an event that is tried again.
func (s *Stuck) Failed(consumer string, o event.Object, attempts uint64, err error, now time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := stuckKey{consumer, o.ID()}
	f, known := s.events[key]
	if !known {
		f = failing{object: o, first: now}
	}
	f.last, f.attempts, f.err = now, max(f.attempts, attempts), err
	s.events[key] = f
}

// Settled is told of an event that is done, or dead.
func (s *Stuck) Settled(consumer string, o event.Object) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) > 0 {
		delete(s.events, stuckKey{consumer, o.ID()})
	}
}

// Count is how many events are stuck.
func (s *Stuck) Count() int { return len(s.stuck(time.Now())) }

// Err names the event that is stuck longest; nil when there is none.
func (s *Stuck) Err(context.Context) error { return s.at(time.Now()) }

func (s *Stuck) at(now time.Time) error {
	all := s.stuck(now)
	if len(all) == 0 {
		return nil
	}
	oldest := slices.MinFunc(all, func(a, b named) int { return a.first.Compare(b.first) })
	return fmt.Errorf("%d events fail again and again, the longest since %s: consumer %s, %s version %s, %d tries: %w",
		len(all), oldest.first.UTC().Format(time.RFC3339), oldest.consumer, oldest.object.Key, oldest.object.Version, oldest.attempts, oldest.err)
}

type named struct {
	consumer string
	failing
}

// stuck returns the events that have failed for long, and forgets those that nobody tries any more.
func (s *Stuck) stuck(now time.Time) (all []named) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, f := range s.events {
		switch {
		case now.Sub(f.last) > forgottenAfter:
			delete(s.events, key)
		case f.last.Sub(f.first) >= stuckAfter:
			all = append(all, named{key.consumer, f})
		}
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Compare(a.object.Key, b.object.Key) })
	return all
}
