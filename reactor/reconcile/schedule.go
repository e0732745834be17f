package reconcile

import "time"

// share is how many times as long as a pass over everything the rest before the next one is. While one lists, object storage goes
// through all names at once and what is put takes longer: at 0.2 % of the time that is far from one put in a hundred.
const share = 500

// Schedule says which passes look at everything: the first one; the next ones as often as they are cheap, and once in Seldom
// when they are dear; and one as soon as there is a reason to think that events were lost on days that a pass over the
// newest ones does not see. Its times are monotonic: a clock that jumps skips nothing.
type Schedule struct {
	Seldom time.Duration

	done    bool // a pass over everything ended well, and nothing has happened since
	ended   time.Time
	took    time.Duration
	outages uint64
}

// Next is what the pass that begins now looks at. outages counts the interruptions of store and broker so far.
func (s *Schedule) Next(now time.Time, outages uint64) Scope {
	if outages != s.outages {
		s.done, s.outages = false, outages
	}
	if !s.done || now.Sub(s.ended) >= min(s.Seldom, share*s.took) {
		return Everything
	}
	return RecentDays
}

// Ended is told of the pass that Next began, when it ended well, and tells whether the next one should follow at once.
func (s *Schedule) Ended(scope Scope, found Found, began, now time.Time) (again bool) {
	if scope == Everything {
		s.done, s.ended, s.took = true, now, now.Sub(began)
		return false
	}
	// Where events of the newest days were lost, others may have been: objects of any day arrive at any time.
	if found.Total() > 0 {
		s.done = false
	}
	return found.Total() > 0
}
