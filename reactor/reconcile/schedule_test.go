package reconcile

import (
	"testing"
	"time"
)

// round makes one pass that takes some time, a minute after the last one, and returns what it looked at.
func round(s *Schedule, clock *time.Time, outages uint64, took time.Duration, missed int) (Scope, bool) {
	*clock = clock.Add(time.Minute)
	began := *clock
	scope := s.Next(began, outages)
	*clock = clock.Add(took)
	return scope, s.Ended(scope, Found{Missed: map[Cause]int{Unannounced: missed}}, began, *clock)
}

func TestASmallLakeIsLookedAtWhole(t *testing.T) {
	s, clock := &Schedule{Seldom: 24 * time.Hour}, time.Now()
	for range 5 {
		if scope, again := round(s, &clock, 0, 100*time.Millisecond, 0); scope != Everything || again {
			t.Fatalf("it looks at %s, again at once: %v", scope, again)
		}
	}
}

func TestALargeLakeIsLookedAtWholeForASmallShareOfTheTime(t *testing.T) {
	s, clock := &Schedule{Seldom: 24 * time.Hour}, time.Now()
	whole, from := time.Duration(0), clock
	for range 10_000 {
		if scope, _ := round(s, &clock, 0, 10*time.Second, 0); scope == Everything {
			whole += 10 * time.Second
		}
	}
	if part := whole.Seconds() / clock.Sub(from).Seconds(); part < .0015 || part > .002 {
		t.Errorf("it looks at everything for %.1f %% of the time", 100*part)
	}
}

func TestAHugeLakeIsLookedAtWholeOnceInSeldom(t *testing.T) {
	s, clock := &Schedule{Seldom: 24 * time.Hour}, time.Now()
	whole, from := 0, clock
	for clock.Sub(from) < 10*24*time.Hour {
		if scope, _ := round(s, &clock, 0, time.Hour, 0); scope == Everything {
			whole++
		}
	}
	if whole < 9 || whole > 11 {
		t.Errorf("it looked at everything %d times in ten days", whole)
	}
}

func TestALossOrAnOutageHasItLookAtEverything(t *testing.T) {
	s, clock := &Schedule{Seldom: 24 * time.Hour}, time.Now()
	expect := func(outages uint64, missed int, want Scope, wantAgain bool) {
		t.Helper()
		if scope, again := round(s, &clock, outages, time.Minute, missed); scope != want || again != wantAgain {
			t.Errorf("it looks at %s, again at once: %v", scope, again)
		}
	}
	expect(0, 0, Everything, false) // the first
	expect(0, 0, RecentDays, false)
	expect(0, 3, RecentDays, true)
	expect(0, 3, Everything, false) // finds of a pass over everything need no other pass
	expect(0, 0, RecentDays, false)
	expect(1, 0, Everything, false)
	expect(1, 0, RecentDays, false)
	// An outage during a pass over everything may have hidden an object that the pass was already past.
	clock = clock.Add(share * time.Minute)
	if scope := s.Next(clock, 1); scope != Everything {
		t.Fatalf("it looks at %s", scope)
	}
	s.Ended(Everything, Found{}, clock, clock.Add(time.Minute)) // the next Next counts the outage in between
	expect(2, 0, Everything, false)
	// A pass that fails is not reported to Ended, and comes again.
	if scope := s.Next(clock, 3); scope != Everything {
		t.Fatalf("it looks at %s", scope)
	}
	expect(3, 0, Everything, false)
	expect(3, 0, RecentDays, false)
}
