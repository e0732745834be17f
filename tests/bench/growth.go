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

// growth is (f): is a lake as quick after many commits as after a few? Snapshots go in one by one, each a commit of its own,
// in the order of their days. After 100 commits, 1,000 and so on the next ones are timed.
var growth = scenario{
	letter: "f", about: "latencies after 100, 1,000, 10,000 … and --commits commits of silver, each of a 20-coin snapshot",
	figures: []string{"growth-silver-100", "growth-gold-100", "growth-silver", "growth-gold"},
	run: func(ctx context.Context, b *bench) (err error) {
		l, err := b.open(ctx, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		marks := []int{100}
		last := b.size(b.Commits, 200)
		for n := 1000; n < last; n *= 10 {
			marks = append(marks, n)
		}
		marks = append(marks, last)
		puts := b.size(growthPuts, 6)
		// The lake has a year before the first of them, so that windows are as full at the first mark as at the last.
		first := b.now.AddDate(0, 0, -oldDays)
		points, err := l.history(ctx, first.AddDate(0, 0, -oldDays), first.AddDate(0, 0, -1), oldCoins)
		if err != nil {
			return err
		}
		total := last + len(marks)*puts
		all, err := b.snapshots(total, oldCoins, oldDays*24*time.Hour/time.Duration(total), b.now)
		if err != nil {
			return err
		}
		rest, commits := all, 0
		var silver, gold []Figure
		for _, mark := range marks {
			n := mark - commits
			if err := l.oneByOne(ctx, rest[:n]); err != nil {
				return err
			}
			if err := l.rested(ctx); err != nil {
				return err
			}
			s, g, err := l.pacedTimes(ctx, rest[n:n+puts], 1, fmt.Sprintf("after %d commits", mark))
			if err != nil {
				return err
			}
			rest, commits = rest[n+puts:], mark
			inSilver := times(fmt.Sprintf("growth-silver-%d", mark), fmt.Sprintf("PUT → silver after %d commits", mark), s, spread(35, 120)...)
			inGold := times(fmt.Sprintf("growth-gold-%d", mark), fmt.Sprintf("PUT → gold after %d commits", mark), g, spread(120, 350)...)
			b.log("latency", "commits", mark, "silver_p50_ms", inSilver.P50, "silver_p99_ms", *inSilver.P99, "gold_p50_ms", inGold.P50, "gold_p99_ms", *inGold.P99)
			silver, gold = append(silver, inSilver), append(gold, inGold)
		}
		b.add(append(silver, gold...)...)
		b.add(grown("growth-silver", "PUT → silver", silver, last), grown("growth-gold", "PUT → gold", gold, last))
		return l.verify(ctx, map[string]int{
			"select count(*) from silver.asset_snapshots":                             rowsOf(all),
			"select count(*) from silver.asset_prices":                                points,
			"select sum(n_samples) from gold.daily_summary where source = 'snapshot'": rowsOf(all),
		})
	},
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

// grown divides a latency at the last mark by that at the first, and takes the worse of median and tail.
func grown(id, what string, at []Figure, last int) Figure {
	a, z := at[0], at[len(at)-1]
	return single(id, fmt.Sprintf("%s, after %d commits against 100 (the worse of p50 and p99)", what, last), "×",
		max(z.P50/a.P50, *z.P99 / *a.P99), most(1.2)...)
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
