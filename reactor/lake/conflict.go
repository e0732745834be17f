package lake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/apache/iceberg-go/table"
)

// Retry is how often work is done again because other commits came first. The zero value does it 20 times.
type Retry struct {
	// Attempts, the first one included.
	Attempts int
	// Conflict, when set, is told of each conflict before the next attempt.
	Conflict func()
}

// Patient is for changes that a person asked for: they come through beside a reactor at work.
var Patient = Retry{Attempts: 50}

// retryPause is how much longer each attempt may wait than the one before. The wait is random, so that two writers that met
// once do not meet again.
const retryPause = 5 * time.Millisecond

// Do does work again for as long as it returns ErrConflict, with a random and growing pause between the attempts.
func (r Retry) Do(ctx context.Context, work func() error) error {
	if r.Attempts == 0 {
		r.Attempts = 20
	}
	for attempt := 1; ; attempt++ {
		err := work()
		if !errors.Is(err, ErrConflict) || attempt >= r.Attempts {
			return err
		}
		if r.Conflict != nil {
			r.Conflict()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(rand.Int64N(int64(attempt) * int64(retryPause)))):
		}
	}
}

// OnTable does work on a table as it is now, again when another commit came first, and returns the table after that.
func (l *Lake) OnTable(ctx context.Context, name string, work func(*Table) error) (*Table, error) {
	now := func() (*Table, error) {
		view, err := l.View(ctx)
		if err != nil {
			return nil, err
		}
		return view.Table(name)
	}
	err := Patient.Do(ctx, func() error {
		t, err := now()
		if err != nil {
			return err
		}
		return work(t)
	})
	if err != nil {
		return nil, err
	}
	return now()
}

// FindThere finds a snapshot that has to be one: the empty table can be read, but neither named nor gone back to.
func (t *Table) FindThere(ctx context.Context, name string) (*table.Snapshot, error) {
	s, err := t.Find(ctx, name)
	if err == nil && s == nil {
		err = fmt.Errorf("%s had no snapshot then: `reactor snapshots %s` lists those it has", t.Name, t.Name)
	}
	return s, err
}
