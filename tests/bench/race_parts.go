package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"millrace/ingestor/bronze"
)

// rebuild is the first part: each system makes all tables from all of bronze in a new process.
func (r *race) rebuild(ctx context.Context) error {
	return r.rebuilt(ctx, "rebuild", fmt.Sprintf("full rebuild, %d daily objects × %d coins", len(r.old), oldCoins))
}

func (r *race) rebuilt(ctx context.Context, id, work string) error {
	l := r.lake
	if err := l.forget(ctx); err != nil {
		return err
	}
	err := r.millrace(ctx, id, work, func(started time.Time) ([]time.Duration, error) {
		snapshots, err := l.await(ctx, below(assets), len(r.old))
		if err != nil {
			return nil, err
		}
		points, err := l.await(ctx, below(history), len(r.points))
		end := slices.MaxFunc([]time.Time{snapshots.LastGold, points.LastGold}, time.Time.Compare)
		return []time.Duration{end.Sub(started)}, err
	})
	if err != nil {
		return err
	}
	for _, p := range r.chosen() {
		err := r.peer(ctx, p, id, work, func(s *session) ([]time.Duration, error) {
			a, err := s.do(ctx, map[string]any{"do": "rebuild"})
			return []time.Duration{a.gold().Sub(s.started)}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// warm times the daily increment, the next day's snapshot, in a process that has done some before.
func (r *race) warm(ctx context.Context) error {
	const work = "one new day of 20 coins, warm process"
	l := r.lake
	if err := l.startReactor(ctx); err != nil {
		return err
	}
	timed := r.warmed[warmUps:]
	if err := r.putOneByOne(ctx, r.warmed[:warmUps], nil); err != nil {
		return err
	}
	err := r.metered(own, "warm", work, l.ownGauge, func() (took []time.Duration, err error) {
		err = r.putOneByOne(ctx, timed, &took)
		return took, err
	})
	if err := errors.Join(err, r.rest()); err != nil {
		return err
	}
	for _, p := range r.chosen() {
		err := r.session(ctx, p, func(s *session) error {
			for _, o := range r.warmed[:warmUps] {
				if _, err := s.do(ctx, increment(o)); err != nil {
					return err
				}
			}
			return r.metered(p.name, "warm", work, s.gauge, func() (took []time.Duration, err error) {
				for _, o := range timed {
					started := time.Now()
					a, err := s.do(ctx, increment(o))
					if err != nil {
						return nil, err
					}
					took = append(took, a.gold().Sub(started))
				}
				return took, nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// putOneByOne puts each object when the one before is in gold.
func (r *race) putOneByOne(ctx context.Context, objects []object, took *[]time.Duration) error {
	for _, o := range objects {
		started := time.Now()
		if err := r.lake.put(ctx, o); err != nil {
			return err
		}
		_, gold, err := r.lake.since(ctx, []object{o}, []time.Time{started})
		if err != nil {
			return err
		}
		if took != nil {
			*took = append(*took, gold...)
		}
	}
	return nil
}

func increment(objects ...object) map[string]any {
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.key.String())
	}
	return map[string]any{"do": "increment", "keys": keys}
}

// cold times the same in a process that has to start first.
func (r *race) cold(ctx context.Context) error {
	const work = "one new day of 20 coins, cold process"
	for _, o := range r.woken {
		if err := r.lake.put(ctx, o); err != nil {
			return err
		}
		err := r.millrace(ctx, "cold", work, func(started time.Time) ([]time.Duration, error) {
			_, gold, err := r.lake.since(ctx, []object{o}, []time.Time{started})
			return gold, err
		})
		if err != nil {
			return err
		}
	}
	for _, p := range r.chosen() {
		for _, o := range r.woken {
			err := r.peer(ctx, p, "cold", work, func(s *session) ([]time.Duration, error) {
				a, err := s.do(ctx, increment(o))
				return []time.Duration{a.gold().Sub(s.started)}, err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// live times from the start of a put to gold while each system watches bronze in its own way.
func (r *race) live(ctx context.Context) error {
	const work = "PUT → gold, each system watching bronze"
	l, rest := r.lake, r.today
	for i := range rest { // one folder, also around midnight
		rest[i].key.IngestDate = bronze.DayOf(r.now)
	}
	next := func() (first, timed []object) {
		mine := rest[:r.watched()]
		rest = rest[r.watched():]
		return mine[:warmUps], mine[warmUps:]
	}
	if err := l.startReactor(ctx); err != nil {
		return err
	}
	first, timed := next()
	if err := r.putOneByOne(ctx, first, nil); err != nil {
		return err
	}
	sleep := r.sleeps()
	err := r.metered(own, "live", work, l.ownGauge, func() (took []time.Duration, err error) {
		for _, o := range timed {
			if err := errors.Join(sleep(ctx), r.putOneByOne(ctx, []object{o}, &took)); err != nil {
				return nil, err
			}
		}
		return took, nil
	})
	if err := errors.Join(err, r.rest()); err != nil {
		return err
	}
	for _, p := range r.chosen() {
		first, timed := next()
		if err := r.session(ctx, p, func(s *session) error { return r.watch(ctx, s, work, first, timed) }); err != nil {
			return err
		}
	}
	return r.catchUp(ctx)
}

// watch lets a peer watch bronze while objects are put.
func (r *race) watch(ctx context.Context, s *session, work string, first, timed []object) error {
	if _, err := s.do(ctx, map[string]any{"do": "catch up"}); err != nil {
		return err
	}
	if err := s.tell(map[string]any{"do": "watch", "day": bronze.DayOf(r.now).String()}); err != nil {
		return err
	}
	if _, err := s.next(ctx, isWatching); err != nil {
		return err
	}
	see := func(o object) (time.Duration, error) {
		started := time.Now()
		if err := r.lake.put(ctx, o); err != nil {
			return 0, err
		}
		a, err := s.next(ctx, holds(o))
		return a.gold().Sub(started), err
	}
	for _, o := range first {
		if _, err := see(o); err != nil {
			return err
		}
	}
	sleep := r.sleeps()
	err := r.metered(s.peer.name, "live", work, s.gauge, func() (took []time.Duration, err error) {
		for _, o := range timed {
			if err := sleep(ctx); err != nil {
				return nil, err
			}
			d, err := see(o)
			if err != nil {
				return nil, err
			}
			took = append(took, d)
		}
		return took, nil
	})
	if err != nil {
		return err
	}
	if err := s.tell(map[string]any{"do": "stop"}); err != nil {
		return err
	}
	_, err = s.next(ctx, isStopped)
	return err
}

// catchUp brings every system to the objects that only the others were timed with.
func (r *race) catchUp(ctx context.Context) error {
	if err := r.lake.startReactor(ctx); err != nil {
		return err
	}
	all := len(r.old) + len(r.warmed) + len(r.woken) + len(r.today)
	if _, err := r.lake.await(ctx, below(assets), all); err != nil {
		return err
	}
	for _, p := range r.chosen() {
		err := r.session(ctx, p, func(s *session) error {
			_, err := s.do(ctx, map[string]any{"do": "catch up"})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
