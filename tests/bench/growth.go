package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// growthPuts is how many puts, a second apart, measure a latency on the growing lake. It is twice scenario a's, so that no
// single put decides a p99, which is compared here.
const growthPuts = 200

// growthTurns is in how many turns the growing lake and the young one take their puts. A machine slows down by a third within an hour, and
// a lake takes an hour to grow: only what was measured in turns can be compared.
const growthTurns = 8

// growth is (f): is a lake as quick after many commits as after a few? Snapshots go in one by one, each a commit of its own,
// in the order of their days. After 100 commits, 1,000 and so on the next ones are timed, in turns with those of a lake that stays young.
var growth = scenario{
	letter: "f", about: "latencies after 100, 1,000, 10,000 … and --commits commits of silver, each of a 20-coin snapshot, beside a lake that stays young",
	figures: []string{"growth-silver-100", "growth-gold-100", "young-silver-100", "young-gold-100", "growth-silver", "growth-gold"},
	run: func(ctx context.Context, b *bench) (err error) {
		marks := []int{100}
		last := b.size(b.Commits, 200)
		for n := 1000; n < last; n *= 10 {
			marks = append(marks, n)
		}
		marks = append(marks, last)
		puts := b.size(growthPuts, 4)
		total := last + len(marks)*puts
		all, err := b.snapshots(total, oldCoins, oldDays*24*time.Hour/time.Duration(total), b.now)
		if err != nil {
			return err
		}
		old, err := b.openGrowing(ctx, all)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, old.close()) }()
		young, err := b.openGrowing(ctx, all)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, young.close()) }()
		if err := young.grow(ctx, marks[0]); err != nil {
			return err
		}
		var was []Figure
		before := 0
		for _, mark := range marks {
			if err := old.grow(ctx, mark-before); err != nil {
				return err
			}
			before = mark
			if err := errors.Join(old.rested(ctx), young.rested(ctx)); err != nil {
				return err
			}
			if was, err = b.mark(ctx, old, young, mark, puts); err != nil {
				return err
			}
			b.add(was...)
		}
		b.add(grown("growth-silver", "PUT → silver", was[0], was[2], last), grown("growth-gold", "PUT → gold", was[1], was[3], last))
		return errors.Join(old.proven(ctx), young.proven(ctx))
	},
}

// growing is a lake that takes snapshots one by one.
type growing struct {
	*lakehouse
	all     []object
	commits int // of the snapshots, the first of all
	points  int // rows of the history before them
}

// openGrowing opens a lake with the year before the first snapshot, so that windows are as full at the first mark as at the last.
func (b *bench) openGrowing(ctx context.Context, all []object) (*growing, error) {
	l, err := b.open(ctx, true)
	if err != nil {
		return nil, err
	}
	first := b.now.AddDate(0, 0, -oldDays)
	points, err := l.history(ctx, first.AddDate(0, 0, -oldDays), first.AddDate(0, 0, -1), oldCoins)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return &growing{lakehouse: l, all: all, points: points}, nil
}

// next gives the next n snapshots.
func (g *growing) next(n int) []object {
	g.commits += n
	return g.all[g.commits-n : g.commits]
}

// grow puts the next n snapshots one by one.
func (g *growing) grow(ctx context.Context, n int) error { return g.oneByOne(ctx, g.next(n)) }

// proven compares the lake with its snapshots.
func (g *growing) proven(ctx context.Context) error {
	rows := rowsOf(g.all[:g.commits])
	return g.verify(ctx, map[string]int{
		"select count(*) from silver.asset_snapshots":                             rows,
		"select count(*) from silver.asset_prices":                                g.points,
		"select sum(n_samples) from gold.daily_summary where source = 'snapshot'": rows,
	})
}

// mark times puts at both lakes in turns: to silver and to gold of the old one, then of the young one.
func (b *bench) mark(ctx context.Context, old, young *growing, commits, puts int) ([]Figure, error) {
	var silver, gold [2][]time.Duration
	done, err := old.watch(ctx, fmt.Sprintf("after %d commits", commits))
	if err != nil {
		return nil, err
	}
	turns := b.size(growthTurns, 2)
	for range turns {
		for i, l := range []*growing{old, young} {
			s, g, err := l.timed(ctx, l.next(puts/turns), 1)
			if err != nil {
				return nil, err
			}
			silver[i], gold[i] = append(silver[i], s...), append(gold[i], g...)
		}
	}
	if err := done(); err != nil {
		return nil, err
	}
	var all []Figure
	for i, of := range []struct{ id, name string }{
		{"growth", fmt.Sprintf("after %d commits", commits)},
		{"young", fmt.Sprintf("a young lake's, in turns with that after %d", commits)},
	} {
		all = append(all,
			times(fmt.Sprintf("%s-silver-%d", of.id, commits), "PUT → silver, "+of.name, silver[i], spread(35, 120)...),
			times(fmt.Sprintf("%s-gold-%d", of.id, commits), "PUT → gold, "+of.name, gold[i], spread(120, 350)...))
	}
	for _, f := range all {
		b.log("latency", "of", f.Name, "p50_ms", f.P50, "p99_ms", *f.P99)
	}
	return all, nil
}

// rested returns when upkeep has nothing left to do. Upkeep works in the pauses between events, and a fast series of commits has none.
func (l *lakehouse) rested(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for before := -1.; ; {
		did, err := l.upkeep(ctx)
		if err != nil {
			return err
		}
		n := did["files"].N + did["manifests"].N
		if n == before {
			return nil
		}
		before = n
		select {
		case <-ctx.Done():
			return fmt.Errorf("upkeep comes to no end: %w", context.Cause(ctx))
		case <-time.After(3 * time.Second):
		}
	}
}

// grown divides a latency of the old lake by that of the young one in the same turns, and takes the worse of median and tail.
func grown(id, what string, old, young Figure, commits int) Figure {
	return single(id, fmt.Sprintf("%s, after %d commits against a young lake (the worse of p50 and p99)", what, commits), "×",
		max(old.P50/young.P50, *old.P99 / *young.P99), most(1.2)...)
}

// oneByOne puts objects, each when the one before is committed to silver.
func (l *lakehouse) oneByOne(ctx context.Context, objects []object) error {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Duration(len(objects))*time.Second)
	defer cancel()
	for i, o := range objects {
		if i%1000 == 0 {
			l.bench.log("commits", "done", i, "of", len(objects))
		}
		if err := l.put(ctx, o); err != nil {
			return err
		}
		for {
			there, err := l.catalog.Knows(ctx, o.key.String())
			if err != nil {
				return err
			}
			if there {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("object %d of %d is not in silver: %w", i+1, len(objects), context.Cause(ctx))
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
	_, err := l.await(ctx, objects[len(objects)-1].key.String(), 1)
	return err
}
