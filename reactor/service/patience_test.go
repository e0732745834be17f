package service

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"millrace/reactor/event"
)

func TestGoldWaitsWhileManyEventsWaitForSilver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var few, many atomic.Int64
		s := &Service{backlogs: []func() int{func() int { return int(few.Load()) }, func() int { return int(many.Load()) }}}
		handle := s.patient(func(context.Context, []event.Delivery) []error { return nil })
		took := func(ctx context.Context) time.Duration {
			began := time.Now()
			handle(ctx, nil)
			return time.Since(began)
		}
		few.Store(manyEvents - 1)
		if d := took(t.Context()); d != 0 {
			t.Errorf("gold waited %s although few events wait", d)
		}
		many.Store(manyEvents)
		if d := took(t.Context()); d < goldPatience || d > goldPatience+lookEvery {
			t.Errorf("gold waited %s, want %s and no more", d, goldPatience)
		}
		time.AfterFunc(time.Second, func() { many.Store(0) })
		if d := took(t.Context()); d < time.Second || d > time.Second+lookEvery {
			t.Errorf("gold waited %s, want until silver has caught up after a second", d)
		}
		many.Store(manyEvents)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if d := took(ctx); d > 100*time.Millisecond+lookEvery {
			t.Errorf("gold waited %s after the reactor was stopped", d)
		}
	})
}
