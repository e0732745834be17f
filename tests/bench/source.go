package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap/market"
)

// object is one to put into bronze.
type object struct {
	key  bronze.Key
	body []byte
	meta map[string]string
	rows int
}

const (
	assets  = "assets"
	history = "history"
)

// below is the prefix of a dataset's keys.
func below(dataset string) string { return bronze.Prefix + "coincap/" + dataset + "/" }

// envelope is what CoinCap wraps its data in.
type envelope struct {
	Timestamp int64 `json:"timestamp"`
	Data      any   `json:"data"`
}

// snapshot makes a response of /assets, as of the time.
func (b *bench) snapshot(at time.Time, coins int) (object, error) {
	rows := b.market.Listing(at).Rows(func(string, string) bool { return true }, 0, coins)
	body, err := json.Marshal(envelope{at.UnixMilli(), rows})
	if err != nil {
		return object{}, fmt.Errorf("write a snapshot: %w", err)
	}
	if len(rows) != coins {
		return object{}, fmt.Errorf("make a snapshot of %s: there were %d coins, not %d", at, len(rows), coins)
	}
	return object{key: bronze.Place{Source: "coincap", Dataset: assets, Stem: "assets", Ext: bronze.JSON}.Key(bronze.DayOf(at), body), body: body, rows: len(rows)}, nil
}

// snapshots makes n of them, a step apart, the last one as of the time.
func (b *bench) snapshots(n, coins int, step time.Duration, last time.Time) ([]object, error) {
	all := make([]object, n)
	var g errgroup.Group
	g.SetLimit(2)
	for i := range all {
		g.Go(func() (err error) {
			all[i], err = b.snapshot(last.Add(-time.Duration(n-1-i)*step), coins)
			return err
		})
	}
	return all, g.Wait()
}

// coins lists the slugs of the largest coins.
func (b *bench) coins(n int) []string {
	var ids []string
	for _, row := range b.market.Listing(b.now).Rows(func(string, string) bool { return true }, 0, n) {
		ids = append(ids, row.ID)
	}
	return ids
}

// daily makes a response of /assets/{slug}/history with an interval of a day.
func (b *bench) daily(coin string, from, to time.Time) (object, error) {
	points, ok := b.market.History(coin, 24*time.Hour, from, to, b.now)
	if !ok {
		return object{}, fmt.Errorf("make a history of %s: there is no such coin", coin)
	}
	return b.points(coin, points)
}

func (b *bench) points(coin string, points []market.Point) (object, error) {
	body, err := json.Marshal(envelope{b.now.UnixMilli(), points})
	if err != nil {
		return object{}, fmt.Errorf("write a history: %w", err)
	}
	return object{
		key:  bronze.Place{Source: "coincap", Dataset: history, Stem: coin + "_d1", Ext: bronze.JSON}.Key(bronze.DayOf(b.now), body),
		body: body, rows: len(points), meta: historyMeta(coin, "d1"),
	}, nil
}

func historyMeta(coin, interval string) map[string]string {
	return map[string]string{bronze.MetaAssetID: coin, bronze.MetaInterval: interval, bronze.MetaSynthetic: "true"}
}

// put puts one object.
func (l *lakehouse) put(ctx context.Context, o object) error {
	created, err := bronze.Put(ctx, l.client, bucket, bronze.Object{Key: o.key, Body: o.body, Metadata: o.meta})
	if err == nil && !created {
		err = fmt.Errorf("put %s: it was there already", o.key)
	}
	return err
}

// putAll puts objects, some writers at once.
func (l *lakehouse) putAll(ctx context.Context, objects []object, writers int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for _, o := range objects {
		g.Go(func() error { return l.put(ctx, o) })
	}
	return g.Wait()
}

// rowsOf adds up the rows of objects.
func rowsOf(objects []object) int {
	n := 0
	for _, o := range objects {
		n += o.rows
	}
	return n
}

// openOld opens a lake that has oldDays of oldCoins in gold, up to yesterday. It also returns how many rows these are.
func (b *bench) openOld(ctx context.Context) (*lakehouse, int, error) {
	l, err := b.open(ctx, true)
	if err != nil {
		return nil, 0, err
	}
	today := bronze.DayOf(b.now).Start()
	points, err := l.history(ctx, today.AddDate(0, 0, -oldDays), today.AddDate(0, 0, -1), oldCoins)
	if err != nil {
		return nil, 0, errors.Join(err, l.close())
	}
	return l, points, nil
}

// history puts daily histories of some coins and waits until they are in gold. It returns how many rows these are.
func (l *lakehouse) history(ctx context.Context, from, to time.Time, coins int) (int, error) {
	var objects []object
	for _, coin := range l.bench.coins(coins) {
		o, err := l.bench.daily(coin, from, to)
		if err != nil {
			return 0, err
		}
		objects = append(objects, o)
	}
	if err := l.putAll(ctx, objects, 8); err != nil {
		return 0, err
	}
	_, err := l.await(ctx, below(history), len(objects))
	return rowsOf(objects), err
}
