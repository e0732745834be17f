package service

import (
	"context"
	"time"

	"millrace/reactor/event"
)

const (
	// manyEvents that wait for silver let gold wait, too. Objects that come one by one are never so many: at fifty a second some five
	// wait.
	manyEvents = 128
	// goldPatience bounds that wait, so that gold's tables move while silver works for hours.
	goldPatience = 5 * time.Second
	// lookEvery is the time between two looks at silver's backlog.
	lookEvery = 10 * time.Millisecond
)

// patient lets gold wait while silver has many events to work on. Each of silver's commits would bring a step, and each step computes
// windows that the next one computes again.
func (s *Service) patient(handle handler) handler {
	return func(ctx context.Context, batch []event.Delivery) []error {
		for began := time.Now(); s.catchingUp() && time.Since(began) < goldPatience; {
			select {
			case <-ctx.Done():
				return handle(ctx, batch) // it says so for each event
			case <-time.After(lookEvery):
			}
		}
		return handle(ctx, batch)
	}
}

// catchingUp tells whether many events wait for a table of silver.
func (s *Service) catchingUp() bool {
	for _, waiting := range s.backlogs {
		if waiting() >= manyEvents {
			return true
		}
	}
	return false
}
