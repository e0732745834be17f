package lake

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/reactor/namespace"
)

// moving stands for a table's pointer: a commit on an old version of it is a conflict.
type moving struct {
	mu      sync.Mutex
	version int
	working atomic.Bool // the writer is at work
}

func (p *moving) now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

func (p *moving) swap(base int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.version != base {
		return ErrConflict
	}
	p.version++
	return nil
}

// neverRests commits again and again until ctx ends, as a reactor does while objects arrive without a pause.
func (p *moving) neverRests(ctx context.Context, l *Lake) error {
	turns := Turns{Lake: l, Of: namespace.Silver}
	for ctx.Err() == nil {
		err := turns.Do(ctx, func() error {
			p.working.Store(true)
			defer p.working.Store(false)
			return p.swap(p.now())
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// slow is work that takes longer than a commit of the writer: it ends when the writer has committed, or when the writer waits.
func (p *moving) slow(ctx context.Context, l *Lake) error {
	base := p.now()
	for p.now() == base {
		held, err := l.turnOf(ctx, namespace.Silver)
		if err != nil {
			return err
		}
		if held != nil && !p.working.Load() {
			break
		}
	}
	return p.swap(base)
}

func TestWorkThatInsistsComesThroughBesideAWriterThatNeverRests(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		l, p := &Lake{catalog: opened(t, address)}, &moving{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.neverRests(ctx, l) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		attempts := 0
		insists := Turns{Lake: l, Of: namespace.Silver, Insist: true}
		work := func() error {
			return insists.Do(t.Context(), func() error {
				attempts++
				return p.slow(t.Context(), l)
			})
		}
		if err := work(); err != nil {
			t.Fatalf("after %d attempts: %v", attempts, err)
		}
		if attempts <= politeAttempts {
			t.Errorf("it came through at attempt %d, and the others were asked to wait after %d: this test shows nothing", attempts, politeAttempts)
		}
		if held, err := l.turnOf(t.Context(), namespace.Silver); err != nil || held != nil {
			t.Errorf("the turn stays with %+v, %v", held, err)
		}
		for after := p.now(); p.now() == after; { // the writer goes on
			if t.Context().Err() != nil {
				t.Fatal("the writer waits for ever")
			}
		}
		if err := insists.Do(t.Context(), work); err != nil { // work within work does not wait for itself
			t.Errorf("the next piece of work: %v", err)
		}
	})
}

func TestWritersOfAnotherNamespaceDoNotWait(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		l := &Lake{catalog: opened(t, address)}
		end, err := l.takeTurn(t.Context(), namespace.Silver)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		if err := l.giveWay(t.Context(), namespace.Gold); err != nil {
			t.Error(err)
		}
		for beats := int64(0); beats == 0; { // it shows that it lives
			held, err := l.turnOf(t.Context(), namespace.Silver)
			if err != nil || held == nil {
				t.Fatalf("the turn is with %+v, %v", held, err)
			}
			beats = held.Beat
		}
		stopped, stop := context.WithCancelCause(t.Context())
		why := errors.New("stopped")
		stop(why)
		if err := l.giveWay(stopped, namespace.Silver); err == nil {
			t.Error("a writer of silver did not wait")
		}
	})
}

// A holder that was killed leaves its row. Whoever comes next takes it away.
func TestADeadHoldersTurnIsTakenAway(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		t.Parallel()
		l := &Lake{catalog: opened(t, address)}
		dead := turn{Namespace: namespace.Gold, Holder: "killed", Beat: 7}
		if _, err := l.catalog.db.NewInsert().Model(&dead).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		end, err := l.takeTurn(t.Context(), namespace.Gold)
		if err != nil {
			t.Fatal(err)
		}
		end()
		if held, err := l.turnOf(t.Context(), namespace.Gold); err != nil || held != nil {
			t.Errorf("the turn stays with %+v, %v", held, err)
		}
	})
}

func TestATurnEndsWithItsBeatOrItsTime(t *testing.T) {
	began := time.Unix(0, 0)
	for name, test := range map[string]struct {
		beat, change time.Duration // how often its number, and its holder, are others
		over         time.Duration // 0 for never
	}{
		"a dead holder":             {over: lifeless},
		"a holder that never ends":  {beat: beatEvery, over: longestTurn},
		"a holder with a slow beat": {beat: lifeless - turnPoll, over: longestTurn},
		"many holders in a row":     {beat: beatEvery, change: time.Minute},
	} {
		var p patience
		var over time.Duration
		for at := time.Duration(0); at < 10*longestTurn; at += turnPoll {
			seen := turn{Namespace: namespace.Silver, Holder: "a"}
			if test.beat > 0 {
				seen.Beat = int64(at / test.beat)
			}
			if test.change > 0 {
				seen.Holder = string(rune('a' + at/test.change))
			}
			if p.over(seen, began.Add(at)) {
				over = at
				break
			}
		}
		if late := over - test.over; late < 0 || late > turnPoll {
			t.Errorf("%s: its turn is over after %s, want %s", name, over, test.over)
		}
	}
}
