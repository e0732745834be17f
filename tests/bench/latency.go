package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// oldDays and oldCoins size the history that a lake has before latencies are measured on it.
const (
	oldDays  = 400
	oldCoins = 20
)

// latency is (a): the time from the start of a put until the snapshot is in silver, and in gold.
var latency = scenario{
	letter: "a", about: fmt.Sprintf("PUT to silver and to gold of 20-coin snapshots, on %d days of %d coins", oldDays, oldCoins),
	figures: []string{"put-silver-1", "put-gold-1", "put-silver-10", "put-gold-10", "put-silver-50", "put-gold-50"},
	run: func(ctx context.Context, b *bench) (err error) {
		l, points, err := b.openOld(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		pace := []struct{ perSecond, n int }{{1, b.size(100, 6)}, {10, b.size(200, 50)}, {50, b.size(1000, 100)}}
		total := 0
		for _, p := range pace {
			total += p.n
		}
		// They end now and are a second apart, so that each is a new observation and none lies in the future.
		all, err := b.snapshots(total, oldCoins, time.Second, b.now)
		if err != nil {
			return err
		}
		rest := all
		for _, p := range pace {
			some := rest[:p.n]
			rest = rest[p.n:]
			if err := l.paced(ctx, some, p.perSecond); err != nil {
				return err
			}
		}
		return l.verify(ctx, map[string]int{
			"select count(*) from silver.asset_snapshots":                                         rowsOf(all),
			"select count(*) from silver.asset_prices":                                            points,
			"select sum(n_samples) from gold.daily_summary where source = 'snapshot'":             rowsOf(all),
			"select count(*) from gold.rankings where day = (select max(day) from gold.rankings)": oldCoins,
		})
	},
}

// paced times objects at a rate.
func (l *lakehouse) paced(ctx context.Context, objects []object, perSecond int) error {
	at := fmt.Sprintf("%d objects/s", perSecond)
	silver, gold, err := l.pacedTimes(ctx, objects, perSecond, at)
	if err != nil {
		return err
	}
	l.bench.add(
		times(fmt.Sprintf("put-silver-%d", perSecond), "PUT → silver, "+at, silver, spread(35, 120)...),
		times(fmt.Sprintf("put-gold-%d", perSecond), "PUT → gold, "+at, gold, spread(120, 350)...),
	)
	return nil
}

// pacedTimes puts objects at a rate, gives the time that each took, and keeps what the processes took for them.
func (l *lakehouse) pacedTimes(ctx context.Context, objects []object, perSecond int, part string) (silver, gold []time.Duration, err error) {
	done, err := l.watch(ctx, part)
	if err != nil {
		return nil, nil, err
	}
	silver, gold, err = l.timed(ctx, objects, perSecond)
	return silver, gold, errors.Join(err, done())
}

// timed puts objects at a rate, whether or not the lake keeps up, and gives the time that each took.
func (l *lakehouse) timed(ctx context.Context, objects []object, perSecond int) (silver, gold []time.Duration, err error) {
	started := make([]time.Time, len(objects))
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	var puts errgroup.Group
	for i, o := range objects {
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-tick.C:
		}
		puts.Go(func() error {
			started[i] = time.Now()
			return l.put(ctx, o)
		})
	}
	if err := puts.Wait(); err != nil {
		return nil, nil, err
	}
	return l.since(ctx, objects, started)
}

// since waits until objects of one dataset are in gold and tells how long after their starts each was in silver and gold.
func (l *lakehouse) since(ctx context.Context, objects []object, started []time.Time) (silver, gold []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, last := objects[0].key.String(), objects[0].key.String()
	for _, o := range objects {
		first, last = min(first, o.key.String()), max(last, o.key.String())
	}
	for {
		all, err := l.catalog.Arrivals(ctx, first, last)
		if err != nil {
			return nil, nil, err
		}
		silver, gold = nil, nil
		for i, o := range objects {
			if a, ok := all[o.key.String()]; ok && !a.Gold.IsZero() {
				silver, gold = append(silver, a.Silver.Sub(started[i])), append(gold, a.Gold.Sub(started[i]))
			}
		}
		if len(gold) == len(objects) {
			return silver, gold, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("%d of %d objects are not in gold: %w", len(objects)-len(gold), len(objects), context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
