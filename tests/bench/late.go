package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap/market"
)

// late is (e): somebody corrects a price of long ago, and everything derived from it follows.
var late = scenario{
	letter: "e", about: fmt.Sprintf("one changed price %d days back, on %d days of %d coins", oldDays, oldDays, oldCoins),
	figures: []string{"late-silver", "late-gold"},
	run: func(ctx context.Context, b *bench) (err error) {
		l, points, err := b.openOld(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		done, err := l.watch(ctx, "corrections")
		if err != nil {
			return err
		}
		// The corrections come one after the other, each to a quiet lake and of another coin, so that each changes a price for the first time.
		coins := b.coins(b.size(20, 3))
		day := bronze.DayOf(b.now).Start().AddDate(0, 0, -oldDays)
		var silver, gold []time.Duration
		var changed []object
		for _, coin := range coins {
			o, err := b.points(coin, []market.Point{{PriceUsd: corrected, Time: day.UnixMilli(), Date: day.Format("2006-01-02T15:04:05.000Z")}})
			if err != nil {
				return err
			}
			changed = append(changed, o)
			started := time.Now()
			if err := l.put(ctx, o); err != nil {
				return err
			}
			s, g, err := l.since(ctx, []object{o}, []time.Time{started})
			if err != nil {
				return err
			}
			silver, gold = append(silver, s...), append(gold, g...)
		}
		if err := done(); err != nil {
			return err
		}
		b.add(
			times("late-silver", fmt.Sprintf("one changed price %d days back → silver", oldDays), silver),
			times("late-gold", fmt.Sprintf("one changed price %d days back → gold", oldDays), gold, most(500)...),
		)
		return l.verify(ctx, map[string]int{
			// A day on which a coin had a hole in its history has one row more now.
			"select count(*) from silver.asset_prices where ingest_date is not null and price_usd <> " + corrected: points - len(changed) + l.holes(coins, day),
			"select count(*) from silver.asset_prices where price_usd = " + corrected:                              len(changed),
			"select count(*) from gold.daily_summary where close = " + corrected:                                   len(changed),
		})
	},
}

// corrected is a price that no coin has by chance.
const corrected = "1234.5678901234"

// holes counts the coins that have no price in the history of a day.
func (l *lakehouse) holes(coins []string, day time.Time) int {
	n := 0
	for _, coin := range coins {
		if points, ok := l.bench.market.History(coin, 24*time.Hour, day, day, l.bench.now); ok && len(points) == 0 {
			n++
		}
	}
	return n
}
