package upkeep

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"slices"
	"time"

	"millrace/reactor/lake"
)

const (
	// lookEvery is the least time between two looks for orphans.
	lookEvery = 15 * time.Minute
	// lookShare limits listing to half a percent of run time: the time to the next look is at least this many times as long
	// as the look. While object storage lists a table, puts take longer, and that must stay well below one put in a hundred.
	lookShare = 200
	// removedAtOnce is the number of objects that are removed in one batch. restShare is how many times as long as a batch
	// the rest after it is.
	removedAtOnce, restShare = 100, 3
	// patience is how long an object must have been an orphan, at each look, before it is removed. No commit takes as long,
	// and readers of a snapshot that has expired should be done.
	patience = time.Hour
	// keptRuns is the number of replays whose events are kept one by one: whoever waits for a replay counts them.
	keptRuns = 1000
	// branchPatience is how long a branch may be written. Another engine's commit of a large table may take longer than patience.
	branchPatience = 7 * 24 * time.Hour
)

// Sweeper removes objects that no table names any more: they come from expired snapshots, from commits that lost and from
// crashes. It measures age on the monotonic clock of this process, which does not move when the machine's clock jumps or the
// machine sleeps.
type Sweeper struct {
	lake    orphanage
	log     *slog.Logger
	metrics *Metrics
	now     func() time.Time

	// since says, by table and by the hash of an object's path, since when the object is known as an orphan, counted from
	// began. A busy hour leaves a million of them; the map has no pointers, so that the garbage collector skips it.
	since map[string]map[uint64]time.Duration
	began time.Time
	seed  maphash.Seed
}

// orphanage is what a sweeper needs of lake.Lake.
type orphanage interface {
	OwnView(context.Context) (*lake.View, error)
	Objects(ctx context.Context, table string) iter.Seq2[lake.Orphan, error]
	Needs(ctx context.Context, table string) (lake.Needs, error)
	RemoveOrphans(context.Context, []lake.Orphan) (int, error)
	ForgetRuns(ctx context.Context, keep int) error
	BeingWritten(ctx context.Context, since time.Time) (branch string, err error)
}

// NewSweeper makes the sweeper of a lake; it has seen nothing yet.
func NewSweeper(l *lake.Lake, log *slog.Logger, metrics *Metrics) *Sweeper {
	return &Sweeper{lake: l, log: log, metrics: metrics, now: time.Now, began: time.Now(), seed: maphash.MakeSeed(), since: map[string]map[uint64]time.Duration{}}
}

// Looked is what a look did: how many objects it removed, and how long it listed and removed without its rests.
type Looked struct {
	Removed           int
	Listing, Removing time.Duration
}

// next returns the time from the end of a look to the next one.
func (l Looked) next() time.Duration { return max(lookEvery, lookShare*l.Listing) }

// Run looks every so often until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	for wait := lookEvery; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		did, err := s.Look(ctx)
		wait = did.next()
		if err != nil && ctx.Err() == nil {
			s.log.Warn("cannot remove orphans; trying again", "in", wait, "error", err)
		} else if err == nil {
			s.metrics.finished(Orphans, did.Listing+did.Removing)
		}
		if did.Removed > 0 {
			s.log.Info("objects that no table names were removed", "objects", did.Removed)
		}
	}
}

// Look goes through all tables once. It removes what has been an orphan for long enough, and what the ledger keeps of old
// replays.
func (s *Sweeper) Look(ctx context.Context) (did Looked, err error) {
	view, err := s.lake.OwnView(ctx)
	if err != nil {
		return did, err
	}
	err = s.lake.ForgetRuns(ctx, keptRuns)
	branch, failed := s.lake.BeingWritten(ctx, s.now().Add(-branchPatience))
	if failed != nil || branch != "" {
		clear(s.since) // what was first seen meanwhile may belong to it
		s.log.Debug("no orphans are removed while a branch is written", "branch", branch)
		return did, errors.Join(err, failed)
	}
	for name := range view.Tables {
		err = errors.Join(err, s.look(ctx, name, &did))
	}
	return did, err
}

func (s *Sweeper) look(ctx context.Context, name string, did *Looked) error {
	began := s.now()
	old, err := s.old(ctx, name)
	did.Listing += s.now().Sub(began)
	if err != nil {
		delete(s.since, name)
		return err
	}
	for some := range slices.Chunk(old, removedAtOnce) {
		began := s.now()
		n, err := s.lake.RemoveOrphans(ctx, some)
		took := s.now().Sub(began)
		did.Removed, did.Removing = did.Removed+n, did.Removing+took
		if err != nil {
			return fmt.Errorf("remove orphans of %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restShare * took):
		}
	}
	return nil
}

// old returns the objects of a table that have been orphans for long enough. Of the others only the hash is kept.
func (s *Sweeper) old(ctx context.Context, name string) ([]lake.Orphan, error) {
	now, before, since := s.now().Sub(s.began), s.since[name], map[uint64]time.Duration{}
	var old []lake.Orphan
	latest := 0
	for o, err := range s.lake.Objects(ctx, name) {
		if err != nil {
			return nil, err
		}
		latest = max(latest, o.Metadata)
		id := maphash.String(s.seed, o.Path)
		first, known := before[id]
		switch {
		case !known:
			since[id] = now
		case now-first < patience:
			since[id] = first
		default:
			old = append(old, o)
		}
	}
	needs, err := s.lake.Needs(ctx, name)
	if err != nil {
		return nil, err
	}
	if needs.Behind(latest) {
		return nil, fmt.Errorf("%s: %w", name, lake.ErrBehind)
	}
	for path := range needs.Paths {
		delete(since, maphash.String(s.seed, path))
	}
	s.since[name] = since
	return slices.DeleteFunc(old, func(o lake.Orphan) bool { return needs.Paths[o.Path] }), nil
}
