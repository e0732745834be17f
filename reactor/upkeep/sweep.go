package upkeep

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"time"

	"millrace/reactor/lake"
)

const (
	// lookEvery is the time between two looks for orphans.
	lookEvery = 15 * time.Minute
	// patience is for how long an object must have been an orphan, at each look, before it is removed: no commit takes as
	// long, and readers of a snapshot that has expired meanwhile should be through.
	patience = time.Hour
	// keptRuns is of how many replays the events are known one by one: whoever waits for a replay counts them.
	keptRuns = 1000
)

// Sweeper removes objects that no table names any more: those of expired snapshots, of commits that lost and of crashes.
// Age is measured on the running clock of this process, which a jump of the machine's clock and its sleep do not move.
type Sweeper struct {
	lake    orphanage
	log     *slog.Logger
	metrics *Metrics
	now     func() time.Time

	seed  maphash.Seed
	since map[string]map[uint64]time.Time // by table: from when an object is known as an orphan, by the hash of its path
}

// orphanage is what a sweeper needs of lake.Lake.
type orphanage interface {
	View(context.Context) (*lake.View, error)
	Orphans(ctx context.Context, table string) ([]lake.Orphan, error)
	RemoveOrphans(context.Context, []lake.Orphan) (int, error)
	ForgetRuns(ctx context.Context, keep int) error
}

// NewSweeper makes the sweeper of a lake; it has seen nothing yet.
func NewSweeper(l *lake.Lake, log *slog.Logger, metrics *Metrics) *Sweeper {
	return &Sweeper{lake: l, log: log, metrics: metrics, now: time.Now, seed: maphash.MakeSeed(), since: map[string]map[uint64]time.Time{}}
}

// Run looks every so often until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		began := time.Now()
		n, err := s.Look(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("orphans were not removed, is tried again", "in", lookEvery, "error", err)
		} else if err == nil {
			s.metrics.finished(Orphans, began)
		}
		if n > 0 {
			s.log.Info("objects that no table names were removed", "objects", n)
		}
	}
}

// Look goes through all tables once, and removes what has been an orphan for long enough, and what the ledger holds of replays
// of long ago.
func (s *Sweeper) Look(ctx context.Context) (removed int, err error) {
	view, err := s.lake.View(ctx)
	if err != nil {
		return 0, err
	}
	err = s.lake.ForgetRuns(ctx, keptRuns)
	for name := range view.Tables {
		n, tableErr := s.look(ctx, name)
		removed += n
		err = errors.Join(err, tableErr)
	}
	return removed, err
}

func (s *Sweeper) look(ctx context.Context, name string) (int, error) {
	orphans, err := s.lake.Orphans(ctx, name)
	if err != nil {
		delete(s.since, name)
		return 0, err
	}
	now, before, since := s.now(), s.since[name], map[uint64]time.Time{}
	var old []lake.Orphan
	for _, o := range orphans {
		id := maphash.String(s.seed, o.Path)
		first, known := before[id]
		switch {
		case !known:
			since[id] = now
		case now.Sub(first) < patience:
			since[id] = first
		default:
			old = append(old, o)
		}
	}
	s.since[name] = since
	n, err := s.lake.RemoveOrphans(ctx, old)
	if err != nil {
		return n, fmt.Errorf("remove orphans of %s: %w", name, err)
	}
	return n, nil
}
