package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"strings"
	"time"

	"millrace/reactor/event"
)

// Announcer publishes an event as part of the replay run, or as a live event if run is "". A nonce gives the message another id:
// without it the broker drops the message while it remembers the event's first one. The returned function waits until the event is
// stored, and tells whether the broker dropped it as a copy.
type Announcer func(o event.Object, run, nonce string) (stored func(context.Context) (duplicate bool, err error), err error)

// window is the number of events that may be on their way at once.
const window = 256

// Announce publishes the events of objects as part of a run, or as live events if run is "", and returns their number. progress may
// be nil.
func Announce(ctx context.Context, objects iter.Seq2[event.Object, error], publish Announcer, run string, progress func(int)) (int, error) {
	out := sender{publish: publish, run: run, progress: progress}
	for o, err := range objects {
		if err != nil {
			return out.sent, err
		}
		if err := out.send(ctx, o); err != nil {
			return out.sent, err
		}
	}
	return out.sent, out.flush(ctx)
}

// sender publishes many events side by side and collects those that the broker dropped as copies.
type sender struct {
	publish    Announcer
	run, nonce string
	progress   func(int)

	pending []pendingEvent
	sent    int
	copies  []event.Object
}

type pendingEvent struct {
	object event.Object
	stored func(context.Context) (bool, error)
}

func (s *sender) send(ctx context.Context, o event.Object) error {
	stored, err := s.publish(o, s.run, s.nonce)
	if err != nil {
		return fmt.Errorf("publish the event of %s: %w", o.Key, err)
	}
	s.sent++
	if s.pending = append(s.pending, pendingEvent{o, stored}); len(s.pending) < window {
		return nil
	}
	return s.flush(ctx)
}

// flush waits until all events are stored.
func (s *sender) flush(ctx context.Context) error {
	for _, p := range s.pending {
		duplicate, err := p.stored(ctx)
		if err != nil {
			return err
		}
		if duplicate {
			s.copies = append(s.copies, p.object)
		}
	}
	if s.progress != nil {
		s.progress(len(s.pending))
	}
	s.pending = s.pending[:0]
	return nil
}

// NewRun makes the name of a replay. The name makes its events differ from earlier ones, and lets them be counted.
func NewRun(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:8])
}
