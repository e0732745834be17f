package stream

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"millrace/reactor/event"
)

const (
	// slowAfter is the time after which a batch counts as one that will not end: a handler waits for something that never comes.
	// The broker cannot tell, because the reactor says all the while that it works. A gigabyte of rows takes a minute or two.
	slowAfter = 10 * time.Minute
	// stoppedAfter is the time after which a consumer that cannot pull counts as stopped. It tries some ten times until then.
	stoppedAfter = time.Minute
)

// begun is a batch that is worked on.
type begun struct {
	consumer string
	first    event.Object
	events   int
	at       time.Time
}

// stopped is a consumer that cannot pull.
type stopped struct {
	since time.Time
	err   error
}

// Begun is called when a consumer begins to work on a batch, and what it returns when it has ended.
func (s *Stuck) Begun(consumer string, batch []event.Delivery, now time.Time) (ended func()) {
	if s == nil || len(batch) == 0 {
		return func() {}
	}
	b := &begun{consumer, batch[0].Object, len(batch), now}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working[b] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.working, b)
	}
}

// Stopped is called when a consumer could not pull, or was stopped by an error.
func (s *Stuck) Stopped(consumer string, err error, now time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	since := now
	if before, known := s.stopped[consumer]; known {
		since = before.since
	}
	s.stopped[consumer] = stopped{since, err}
}

// Pulls is called when a consumer pulls.
func (s *Stuck) Pulls(consumer string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stopped, consumer)
}

// standstills are the batches that do not end and the consumers that do not pull.
func (s *Stuck) standstills(now time.Time) (all []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batches := slices.SortedFunc(maps.Keys(s.working), func(a, b *begun) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.consumer, b.consumer)) })
	for _, b := range batches {
		if now.Sub(b.at) >= slowAfter {
			all = append(all, fmt.Errorf("consumer %s has worked on %d events since %s, the first of %s version %s: when that does not end, start the reactor again",
				b.consumer, b.events, b.at.UTC().Format(time.RFC3339), b.first.Key, b.first.Version))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.stopped)) {
		if of := s.stopped[name]; now.Sub(of.since) >= stoppedAfter {
			all = append(all, fmt.Errorf("consumer %s has had no events since %s: %w", name, of.since.UTC().Format(time.RFC3339), of.err))
		}
	}
	return all
}
