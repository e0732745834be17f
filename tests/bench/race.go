package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"millrace/ingestor/bronze"
)

// sideBySide is (p): millrace and each peer work on the same bronze objects in the same MinIO, one after the other. Every
// system comes to rest and ends before the next one begins. The rows of all of them must be equal.
var sideBySide = scenario{
	letter: "p", about: "millrace, DuckDB with PyIceberg, PyIceberg and PySpark on the same bronze objects, their rows compared (needs .venv-peers: `go tool task bench:peers`)",
	asked: true, promises: true,
	run: func(ctx context.Context, b *bench) error {
		needed := []string{peersPython}
		if slices.Contains(b.chosen(), spark) {
			needed = append(needed, peersJars)
		}
		for _, path := range needed {
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("find what the peers run with: %w: `go tool task bench:peers` installs it", err)
			}
		}
		if err := b.hourlyRace(ctx); err != nil {
			return err
		}
		if err := b.dailyRace(ctx); err != nil {
			return err
		}
		return b.compare()
	},
}

// dailyRace is ten years of snapshots, a day each, and what comes after them.
func (b *bench) dailyRace(ctx context.Context) (err error) {
	r, err := b.newRace(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.lake.close()) }()
	for _, part := range []func(context.Context) error{r.rebuild, r.equal, r.warm, r.cold, r.live, r.equal, r.proven} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hourlyRace is the rebuild of fewer and larger objects, on a lake of its own.
func (b *bench) hourlyRace(ctx context.Context) (err error) {
	const coins = 100
	r := &race{bench: b}
	if r.old, err = b.snapshots(b.size(2160, 100), coins, time.Hour, b.now.Truncate(time.Hour)); err != nil {
		return err
	}
	first := b.now.Truncate(time.Hour).Add(-time.Duration(len(r.old)-1) * time.Hour)
	if r.points, err = b.histories(first.AddDate(0, 0, -gapDays), gapDays+overlaps); err != nil {
		return err
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.lake.close()) }()
	if err := r.rebuilt(ctx, "rebuild-hourly", fmt.Sprintf("full rebuild, %d hourly objects × %d coins", len(r.old), coins)); err != nil {
		return err
	}
	return r.equal(ctx)
}

// race is the lake that all systems work on, and what it holds.
type race struct {
	*bench
	lake   *lakehouse
	old    []object // snapshots that a rebuild finds
	points []object // of days that have no snapshot
	warmed []object // the days after those, one by one
	woken  []object // and after those
	today  []object
}

// These say how many objects each part of a race takes, and how many before it do not count.
const (
	warmUps  = 3
	gapDays  = 30 // that only the history tells of
	overlaps = 5  // days that history and snapshots tell of
	sleepMin = 300 * time.Millisecond
	sleepMax = 1800 * time.Millisecond
)

func (b *bench) newRace(ctx context.Context) (*race, error) {
	r := &race{bench: b}
	yesterday := bronze.DayOf(b.now).Start().Add(-12 * time.Hour)
	warm, cold := warmUps+b.size(10, 2), b.size(3, 1)
	singles, err := b.snapshots(warm+cold, oldCoins, 24*time.Hour, yesterday)
	if err != nil {
		return nil, err
	}
	r.warmed, r.woken = singles[:warm], singles[warm:]
	last := yesterday.AddDate(0, 0, -(warm + cold + gapDays))
	if r.old, err = b.snapshots(b.size(3650, 400), oldCoins, 24*time.Hour, last); err != nil {
		return nil, err
	}
	if r.points, err = b.histories(last.AddDate(0, 0, 1-overlaps), overlaps+gapDays); err != nil {
		return nil, err
	}
	if r.today, err = b.snapshots(r.watched()*(1+len(b.chosen())), oldCoins, time.Second, b.now); err != nil {
		return nil, err
	}
	return r, r.open(ctx)
}

// histories makes the daily history of some coins, from the day of a time on.
func (b *bench) histories(first time.Time, days int) (all []object, err error) {
	from := bronze.DayOf(first).Start()
	for _, coin := range b.coins(oldCoins) {
		o, err := b.daily(coin, from, from.AddDate(0, 0, days-1))
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// open opens the lake and puts what a rebuild finds.
func (r *race) open(ctx context.Context) (err error) {
	if r.lake, err = r.bench.open(ctx, false); err != nil {
		return err
	}
	if err := r.lake.putAll(ctx, slices.Concat(r.old, r.points), writers); err != nil {
		return errors.Join(err, r.lake.close())
	}
	return nil
}

// watched counts the objects of today that each system gets.
func (r *race) watched() int { return warmUps + r.size(30, 5) }

// sleeps pauses between objects. The pauses are seeded, so that every system gets the same, and fit nobody's polling.
func (r *race) sleeps() func(context.Context) error {
	dice := rand.New(rand.NewPCG(r.Seed, 0))
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(sleepMin + time.Duration(dice.Int64N(int64(sleepMax-sleepMin)))):
			return nil
		}
	}
}

// proven lets the lake prove itself: rows that are equal must also be right.
func (r *race) proven(ctx context.Context) error {
	if err := r.lake.startReactor(ctx); err != nil {
		return err
	}
	snapshots := rowsOf(r.old) + rowsOf(r.warmed) + rowsOf(r.woken) + rowsOf(r.today)
	return r.lake.verify(ctx, map[string]int{
		"select count(*) from silver.asset_snapshots":                             snapshots,
		"select count(*) from silver.asset_prices":                                rowsOf(r.points),
		"select sum(n_samples) from gold.daily_summary where source = 'snapshot'": snapshots,
	})
}
