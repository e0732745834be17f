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

// Announcer publishes events as part of the replay run, or as live events if run is "". It keeps the objects, which must not change.
// Several events share messages, which the broker drops as copies only of the same messages. A nonce gives a message another id: without
// it the broker drops the message while it remembers the first one. The returned function waits until the events are stored, and returns
// those that the broker dropped as copies.
type Announcer func(objects []event.Object, run, nonce string) (stored func(context.Context) (copies []event.Object, err error), err error)

const (
	// window is the number of events that may be on their way at once.
	window = 1024
	// together is the number of events that share a message, where nobody published them one by one lately. If one of them fails, all
	// come again.
	together = 64
)

// Announce publishes the events of objects as part of a run, or as live events if run is "", and returns their number. progress may
// be nil.
func Announce(ctx context.Context, objects iter.Seq2[event.Object, error], publish Announcer, run string, progress func(int)) (int, error) {
	out := sender{publish: publish, run: run, progress: progress, shared: run != ""}
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
	shared     bool // events share messages
	progress   func(int)

	next    []event.Object                                           // of the next message
	pending []func(context.Context) (copies []event.Object, _ error) // one for each message on its way
	waiting int                                                      // events in pending
	sent    int
	copies  []event.Object
}

func (s *sender) send(ctx context.Context, o event.Object) error {
	s.sent++
	if s.next = append(s.next, o); s.shared && len(s.next) < together {
		return nil
	}
	if err := s.post(); err != nil || s.waiting < window {
		return err
	}
	return s.flush(ctx)
}

// post publishes the next message.
func (s *sender) post() error {
	if len(s.next) == 0 {
		return nil
	}
	stored, err := s.publish(s.next, s.run, s.nonce)
	if err != nil {
		return fmt.Errorf("publish the event of %s: %w", s.next[0].Key, err)
	}
	s.pending, s.waiting, s.next = append(s.pending, stored), s.waiting+len(s.next), nil
	return nil
}

// flush publishes what is left and waits until all events are stored.
func (s *sender) flush(ctx context.Context) error {
	if err := s.post(); err != nil {
		return err
	}
	for _, stored := range s.pending {
		copies, err := stored(ctx)
		if err != nil {
			return err
		}
		s.copies = append(s.copies, copies...)
	}
	if s.progress != nil {
		s.progress(s.waiting)
	}
	s.pending, s.waiting = s.pending[:0], 0
	return nil
}

// NewRun makes the name of a replay. The name makes its events differ from earlier ones, and lets them be counted.
func NewRun(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:8])
}
