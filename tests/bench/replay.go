package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// replay is (h): all events of a lake come once more, and none changes anything.
var replay = scenario{
	letter: "h", about: "replay of 10,000 snapshots of 20 coins that changes nothing",
	figures: []string{"replay"},
	run: func(ctx context.Context, b *bench) (err error) {
		l, err := b.open(ctx, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		// They spread over as many days as in other scenarios: 10,000 snapshots of one day would be another lake.
		n := b.size(10_000, 300)
		all, err := b.snapshots(n, oldCoins, oldDays*24*time.Hour/time.Duration(n), b.now)
		if err != nil {
			return err
		}
		if err := l.putAll(ctx, all, writers); err != nil {
			return err
		}
		if _, err := l.await(ctx, below(assets), n); err != nil {
			return err
		}
		// The second copies of the puts' events and upkeep come first, so that all work from here on is the replay's.
		if err := l.settle(ctx); err != nil {
			return err
		}
		if _, err := l.run(ctx, patience, "reactor", "reactor", "maintain"); err != nil {
			return err
		}
		before, err := l.catalog.Pointers(ctx)
		if err != nil {
			return err
		}
		done, err := l.watch(ctx, "replay")
		if err != nil {
			return err
		}
		started := time.Now()
		if _, err := l.run(ctx, patience, "reactor", "reactor", "replay", "--wait", "--timeout", patience.String()); err != nil {
			return err
		}
		took := time.Since(started)
		if err := done(); err != nil {
			return err
		}
		after, err := l.catalog.Pointers(ctx)
		if err != nil {
			return err
		}
		if !maps.Equal(before, after) {
			return fmt.Errorf("a replay that changes nothing made commits: pointers were %v, are %v", before, after)
		}
		b.add(single("replay", fmt.Sprintf("replay of %d objects that changes nothing", n), "s", took.Seconds()))
		return l.verify(ctx, map[string]int{"select count(*) from silver.asset_snapshots": rowsOf(all)})
	},
}
