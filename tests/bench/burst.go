package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// writers is how many clients put at once.
const writers = 32

// burst is (b): many small objects at once.
var burst = scenario{
	letter: "b", about: fmt.Sprintf("1,000 and 10,000 snapshots of 20 coins at once, from %d writers, on %d days of %d coins", writers, oldDays, oldCoins),
	figures: []string{"burst", "burst-put", "burst-large", "burst-large-put"},
	run: func(ctx context.Context, b *bench) error {
		if err := b.burst(ctx, "burst", b.size(1000, 200), most(3)); err != nil {
			return err
		}
		return b.burst(ctx, "burst-large", b.size(10_000, 400), nil)
	},
}

// burst puts n objects at once into a new lake.
func (b *bench) burst(ctx context.Context, id string, n int, budgets []Budget) (err error) {
	l, points, err := b.openOld(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	all, err := b.snapshots(n, oldCoins, time.Second, b.now)
	if err != nil {
		return err
	}
	done, err := l.watch(ctx, id)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := l.putAll(ctx, all, writers); err != nil {
		return err
	}
	put := time.Since(started)
	p, err := l.await(ctx, below(assets), len(all))
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	name := fmt.Sprintf("%d small objects at once", len(all))
	b.add(
		single(id, name+" → all in gold", "s", p.LastGold.Sub(started).Seconds(), b.full(budgets)...),
		single(id+"-put", name+", the puts alone", "s", put.Seconds()),
	)
	return l.verify(ctx, map[string]int{
		"select count(*) from silver.asset_snapshots":                             rowsOf(all),
		"select count(*) from silver.asset_prices":                                points,
		"select sum(n_samples) from gold.daily_summary where source = 'snapshot'": rowsOf(all),
	})
}
