package reconcile

import "time"

// share is the rest before the next pass over everything, in multiples of the last one's duration. Puts take longer while the object
// store lists all names. With listing at 0.2 % of run time, that concerns far less than one put in a hundred.
const share = 500

// Schedule says which passes look at everything. The first one does; cheap ones are frequent, dear ones come once in Seldom; and one
// comes at once if events may have been lost on older days, which a pass over the newest days does not see. Times are monotonic, so a
// jump of the clock skips nothing.
type Schedule struct {
	Seldom time.Duration

	done    bool // a pass over everything ended well, and nothing has happened since
	ended   time.Time
	took    time.Duration
	outages uint64
}

// Next returns what the pass that begins now must look at. outages counts the interruptions of store and broker so far.
func (s *Schedule) Next(now time.Time, outages uint64) Scope {
	if outages != s.outages {
		s.done, s.outages = false, outages
	}
	if !s.done || now.Sub(s.ended) >= min(s.Seldom, share*s.took) {
		return Everything
	}
	return RecentDays
}

// Ended is called when the pass that Next began has ended well. It tells whether the next pass should follow at once.
func (s *Schedule) Ended(scope Scope, found Found, began, now time.Time) (again bool) {
	if scope == Everything {
		s.done, s.ended, s.took = true, now, now.Sub(began)
		return false
	}
	// If events of the newest days were lost, others may be lost too: objects of any day arrive at any time.
	if found.Total() > 0 {
		s.done = false
	}
	return found.Total() > 0
}
