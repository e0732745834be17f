package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"millrace/ingestor/bronze"
)

// rebuild is (c): a lake that has nothing but bronze. The time runs from the start of `reactor run`, whose reconciler
// finds the objects, to the gold commit that covers the last of them.
var rebuild = scenario{
	letter: "c", about: "full rebuild from bronze: daily snapshots of 20 coins for 10 years, hourly ones of 100 coins for 90 days",
	figures: []string{"rebuild-daily", "rebuild-hourly"},
	run: func(ctx context.Context, b *bench) error {
		noon := bronze.DayOf(b.now).Start().Add(-12 * time.Hour)
		daily, err := b.snapshots(b.size(3650, 365), 20, 24*time.Hour, noon)
		if err != nil {
			return err
		}
		err = b.rebuild(ctx, "rebuild-daily", "daily snapshots of 20 coins", daily, 4)
		if err != nil {
			return err
		}
		hourly, err := b.snapshots(b.size(2160, 100), 100, time.Hour, b.now.Truncate(time.Hour))
		if err != nil {
			return err
		}
		return b.rebuild(ctx, "rebuild-hourly", "hourly snapshots of 100 coins", hourly, 5)
	},
}

func (b *bench) rebuild(ctx context.Context, id, what string, objects []object, budget float64) (err error) {
	l, err := b.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.putAll(ctx, objects, writers); err != nil {
		return err
	}
	if err := l.forget(ctx); err != nil {
		return err
	}
	done, err := l.watch(ctx, what)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := l.startReactor(ctx); err != nil {
		return err
	}
	p, err := l.await(ctx, below(assets), len(objects))
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	name := fmt.Sprintf("full rebuild, %d %s", len(objects), what)
	b.add(
		single(id, name, "s", p.LastGold.Sub(started).Seconds(), b.full(most(budget))...),
		single(id+"-silver", name+", to silver", "s", p.LastSilver.Sub(started).Seconds()),
	)
	// A day's coins are the same ones at noon only: hourly snapshots see others come and go.
	days := map[string]bool{}
	for _, o := range objects {
		days[filepath.Dir(o.key.String())] = true
	}
	return l.verify(ctx, map[string]int{
		"select count(*) from silver.asset_snapshots":           rowsOf(objects),
		"select sum(n_samples) from gold.daily_summary":         rowsOf(objects),
		"select count(distinct day) from gold.rankings":         len(days),
		"select count(*) from gold.market_summary":              len(days),
		"select count(distinct day) from gold.rolling_averages": len(days),
	})
}
