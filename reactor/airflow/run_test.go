package airflow

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace/infra/airflow/airflowtest"
)

// clock takes the place of waiting: it tells how long Run would rest, and goes on when it is told to.
type clock struct {
	t      testing.TB
	rests  chan time.Duration
	wakes  chan bool // whether a commit would end the rest
	resume chan struct{}
}

func (d *desk) runs(ctx context.Context) (c *clock, ended chan error) {
	c = &clock{t: d.t, rests: make(chan time.Duration), wakes: make(chan bool, 1), resume: make(chan struct{})}
	d.rest = func(ctx context.Context, rest time.Duration, wake <-chan struct{}) {
		c.wakes <- wake != nil
		select {
		case c.rests <- rest:
		case <-ctx.Done():
			return
		}
		select {
		case <-c.resume:
		case <-wake:
		case <-ctx.Done():
		}
	}
	ended = make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return c, ended
}

// rested is the next rest that Run takes, and whether a commit ends it.
func (c *clock) rested() (d time.Duration, untilCommit bool) {
	c.t.Helper()
	select {
	case d = <-c.rests:
		return d, <-c.wakes
	case <-time.After(time.Minute):
		c.t.Fatal("it does not come to rest")
		return 0, false
	}
}

func TestAnAirflowThatIsAwayIsSaidOnceAndTriedLessAndLess(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	f.Refuse = func(*http.Request) int { return http.StatusServiceUnavailable }
	d := newDesk(t, f.At())
	d.commit(rankings(t, 1, "2026-01-01"))
	ctx, cancel := context.WithCancel(t.Context())
	c, ended := d.runs(ctx)
	var longest time.Duration
	for i := range 20 {
		rest, untilCommit := c.rested()
		least := min(firstDelay<<min(i/3, 6), longestDelay) / 2
		if rest < least || rest > time.Minute || untilCommit {
			t.Errorf("rest %d is %v, want at least %v; a commit would end it: %v", i, rest, least, untilCommit)
		}
		longest = max(longest, rest)
		d.commit(rankings(t, int64(i+2), "2026-01-02"))
		c.resume <- struct{}{}
	}
	if longest < longestDelay/2 {
		t.Errorf("the longest of 20 rests is %v", longest)
	}
	if rest, _ := c.rested(); rest == 0 {
		t.Error("it gave up")
	}
	f.Set(func() { f.Refuse = nil })
	c.resume <- struct{}{}
	if rest, untilCommit := c.rested(); rest != 0 || !untilCommit {
		t.Errorf("with nothing to do it rests %v, until a commit: %v", rest, untilCommit)
	}
	c.rested() // the commits of the time before woke it once more, for nothing
	want(t, f, 2, "21 2026-01-01..2026-01-02")
	if log := d.log.String(); strings.Count(log, "\n") != 2 || strings.Count(log, "level=WARN") != 1 || strings.Count(log, "level=INFO") != 1 || !strings.Contains(log, "503") {
		t.Errorf("the log: %s", log)
	}
	d.commit(rankings(t, 22, "2026-01-03"))
	c.rested()
	want(t, f, 2, "21 2026-01-01..2026-01-02, 22 2026-01-03")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestOneFailureIsNothingToSay(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	f.Refuse = func(*http.Request) int {
		f.Refuse = nil // a request that met another writer of SQLite
		return http.StatusInternalServerError
	}
	d := newDesk(t, f.At())
	d.commit(rankings(t, 1, "2026-01-01"))
	c, _ := d.runs(t.Context())
	if rest, _ := c.rested(); rest > 2*firstDelay {
		t.Errorf("it is tried again after %v", rest)
	}
	c.resume <- struct{}{}
	c.rested()
	want(t, f, 2, "1 2026-01-01")
	if log := d.log.String(); log != "" {
		t.Errorf("the log: %s", log)
	}
}

func TestALocalAirflowThatStartsLaterIsFoundQuietly(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	d := newDesk(t, f.At(), Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1})
	d.none = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, ended := d.runs(ctx)
	for n := range int64(3) {
		if rest, untilCommit := c.rested(); rest != lookAgain || untilCommit {
			t.Errorf("it looks again after %v, or with the next commit: %v", rest, untilCommit)
		}
		d.commit(rankings(t, n+1, fmt.Sprintf("2026-01-%02d", n+1)))
		c.resume <- struct{}{}
	}
	c.rested()
	d.mu.Lock()
	d.none = false
	d.mu.Unlock()
	c.resume <- struct{}{}
	c.rested()
	want(t, f, 1, "100")
	want(t, f, 2, "3 2026-01-01..2026-01-03")
	if log := d.log.String(); log != "" {
		t.Errorf("it is not quiet: %s", log)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestTheRealRestEnds(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	rest(ended, 0, nil)
	rest(ended, time.Hour, nil)
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	rest(t.Context(), time.Hour, wake)
	rest(t.Context(), time.Nanosecond, nil)
}
