package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"millrace/reactor/event"
)

const (
	// stuckAfter is the time after which a failing event counts as stuck. It has had some ten tries by then.
	stuckAfter = time.Minute
	// forgottenAfter is the time without a try after which a failing event is forgotten: the broker or another reactor has it.
	// The delay between two tries is a minute at most.
	forgottenAfter = 5 * time.Minute
)

// Stuck knows the events that fail again and again, the batches that do not end and the consumers that do not pull. Nothing else shows them: they have no dead letter, because another try may succeed,
// and every part that the reactor needs may answer. It is safe for concurrent use. A nil Stuck knows nothing.
type Stuck struct {
	mu      sync.Mutex
	events  map[stuckKey]failing
	working map[*begun]bool
	stopped map[string]stopped // by consumer
}

type stuckKey struct {
	consumer string
	event    event.ID
}

// failing is an event that has failed and was not done since.
type failing struct {
	object      event.Object
	first, last time.Time
	attempts    uint64
	err         error
}

// NewStuck makes an empty Stuck.
func NewStuck() *Stuck {
	return &Stuck{events: map[stuckKey]failing{}, working: map[*begun]bool{}, stopped: map[string]stopped{}}
}

// Failed is called for an event that failed and is tried again.
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

// Settled is called for an event that is done or dead.
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

// Count returns the number of stuck events.
func (s *Stuck) Count() int { return len(s.stuck(time.Now())) }

// Err names the event that has been stuck longest, and every consumer that makes no progress otherwise; nil if there is none.
func (s *Stuck) Err(context.Context) error { return s.at(time.Now()) }

func (s *Stuck) at(now time.Time) error {
	return errors.Join(append(s.standstills(now), s.failing(now))...)
}

// failing names the event that has failed longest.
func (s *Stuck) failing(now time.Time) error {
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

// stuck returns the stuck events, and forgets events that nobody tries any more.
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
