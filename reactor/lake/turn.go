package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"millrace/reactor/namespace"
)

// A turn is a row of the catalog: whoever holds it asks the other writers of a namespace to wait before they begin. It is no lock and
// guards nothing; the compare-and-swap of the pointers does. Without it, work that takes seconds never commits beside a reactor that
// commits each 100 ms: at 25 objects a second a repair lost 20 of 20 races.
//
// No clock is compared with another one. The holder counts a number up, and a number that stands still is that of a dead holder.
type turn struct {
	bun.BaseModel `bun:"table:millrace_turns"`
	Namespace     namespace.Namespace
	Holder        string
	Beat          int64
}

const (
	beatEvery = 500 * time.Millisecond
	// lifeless is how long a beat stands still before those who wait take its holder for dead.
	lifeless = 10 * beatEvery
	// longestTurn bounds how long others wait for one holder. Tables that stand still for longer cost more than a repair that
	// has to try again.
	longestTurn = 2 * time.Minute
	// turnPoll is how often those who wait look.
	turnPoll = 20 * time.Millisecond
)

// Turns decide when work on the tables of a namespace may begin, and repeat it when another commit comes first.
type Turns struct {
	Lake *Lake
	Of   namespace.Namespace
	Retry
	// Insist asks the other writers to wait, once they have come first a few times. It is for work that a person asked for. Everybody
	// else waits for such work.
	Insist bool

	overtaken bool // has lost before: the next piece of work asks at once
	holding   bool // work within work has the turn already
}

// politeAttempts is how often work that insists may lose before it asks the others to wait.
const politeAttempts = 3

// Do does work again for as long as it returns ErrConflict. One goroutine calls it.
func (t *Turns) Do(ctx context.Context, work func() error) error {
	switch {
	case t.holding:
		return t.Retry.Do(ctx, work)
	case !t.Insist:
		return t.Retry.Do(ctx, func() error {
			if err := t.Lake.giveWay(ctx, t.Of); err != nil {
				return err
			}
			return work()
		})
	}
	if !t.overtaken {
		err := Retry{Attempts: politeAttempts, Conflict: t.Conflict}.Do(ctx, work)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		t.overtaken = true
	}
	end, err := t.Lake.takeTurn(ctx, t.Of)
	if err != nil {
		return err
	}
	t.holding = true
	defer func() {
		t.holding = false
		end()
	}()
	return t.Retry.Do(ctx, work)
}

// WhileOthersWait does work while the other writers of a namespace wait, if this process may ask them to. It is for work that needs a
// moment at which nothing moves.
func (l *Lake) WhileOthersWait(ctx context.Context, of namespace.Namespace, work func() error) error {
	end, err := l.takeTurn(ctx, of)
	if errors.Is(err, ErrReadOnly) {
		return work()
	}
	if err != nil {
		return err
	}
	defer end()
	return work()
}

// takeTurn asks the other writers of a namespace to wait until end is called. If somebody else has the turn it waits for that one's end.
func (l *Lake) takeTurn(ctx context.Context, of namespace.Namespace) (end func(), err error) {
	if l.branch != nil {
		return func() {}, nil // nobody else writes to a branch
	}
	own := turn{Namespace: of, Holder: uuid.NewString()}
	for taken := false; !taken; {
		if err := l.giveWay(ctx, of); err != nil {
			return nil, err
		}
		err := l.catalog.write(ctx, func(tx *Tx) error {
			n, err := affected(tx.tx.NewInsert().Model(&own).On("CONFLICT DO NOTHING").Exec(ctx))
			taken = n > 0
			return err
		})
		if err != nil && !errors.Is(err, ErrConflict) {
			return nil, fmt.Errorf("ask the other writers of %s to wait: %w", of, err)
		}
	}
	beating, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { l.beat(beating, own) })
	return func() {
		stop()
		done.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lifeless)
		defer cancel()
		_ = l.endTurn(ctx, own) // a row that stays is taken for that of a dead holder
	}, nil
}

// beat counts a turn's number up until ctx ends.
func (l *Lake) beat(ctx context.Context, own turn) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// One that fails is not missed: ten are.
			_, _ = l.catalog.db.NewUpdate().Model((*turn)(nil)).Set("beat = beat + 1").Where("namespace = ? AND holder = ?", own.Namespace, own.Holder).Exec(ctx)
		}
	}
}

// endTurn takes a turn away from its holder.
func (l *Lake) endTurn(ctx context.Context, of turn) error {
	_, err := l.catalog.db.NewDelete().Model((*turn)(nil)).Where("namespace = ? AND holder = ?", of.Namespace, of.Holder).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end a turn of %s: %w", of.Namespace, err)
	}
	return nil
}

// giveWay returns when nobody has the turn of a namespace. It takes the turn from a holder that is dead, or that has had it for too
// long.
func (l *Lake) giveWay(ctx context.Context, of namespace.Namespace) error {
	if l.branch != nil {
		return nil
	}
	var p patience
	for {
		now, err := l.turnOf(ctx, of)
		if err != nil || now == nil {
			return err
		}
		if p.over(*now, time.Now()) {
			return l.endTurn(ctx, *now)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(turnPoll):
		}
	}
}

// patience is what a writer that waits has seen of the turn.
type patience struct {
	seen         turn
	began, moved time.Time // when its holder and its beat were seen first
}

// over tells whether the turn that is seen now is to be taken away.
func (p *patience) over(now turn, at time.Time) bool {
	if now.Holder != p.seen.Holder {
		p.began = at
	}
	if now.Holder != p.seen.Holder || now.Beat != p.seen.Beat {
		p.moved = at
	}
	p.seen = now
	return at.Sub(p.moved) >= lifeless || at.Sub(p.began) >= longestTurn
}

// turnOf is the turn that somebody has, nil for none.
func (l *Lake) turnOf(ctx context.Context, of namespace.Namespace) (*turn, error) {
	var t turn
	err := l.catalog.db.NewSelect().Model(&t).Where("namespace = ?", of).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, classify(fmt.Errorf("ask who has the turn of %s: %w", of, err))
	}
	return &t, nil
}
