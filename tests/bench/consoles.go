package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"millrace/ingestor/bronze"
)

// viewers is how many browsers have the live page open.
const viewers = 5

// consoles is (j): the console on a large lake. Rounds with and without browsers take turns, so that the machine's mood is the same for
// both.
var consoles = scenario{
	letter: "j", asked: true, about: "the console on 1,000,000 objects, 10,000 snapshots, 5,000 dead letters, 2,500 coins and 200 models; PUT to gold beside five browsers",
	figures: []string{"console-page", "console-page-first", "console-live", "put-gold-unseen", "put-gold-seen", "put-gold-seen-ratio"},
	run: func(ctx context.Context, b *bench) (err error) {
		size := sizeOf(b)
		l, err := b.openBig(ctx, size)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		if err := l.pages(ctx, b.size(20, 3)); err != nil {
			return err
		}
		if err := l.live(ctx, b.size(3, 1), time.Duration(b.size(20, 6))*time.Second); err != nil {
			return err
		}
		n, err := l.seen(ctx, b.size(6, 2), b.size(5, 2))
		if err != nil {
			return err
		}
		got, err := l.count(ctx, []string{"select count(*) from silver.asset_snapshots", "select count(distinct asset_id) from gold.rankings", "select count(*) from gold.own_000"})
		if err != nil {
			return err
		}
		want := map[string]int{
			"select count(*) from silver.asset_snapshots":        listedDays*size.coins + n*oldCoins,
			"select count(distinct asset_id) from gold.rankings": size.coins + oldCoins,
			"select count(*) from gold.own_000":                  listedDays*size.coins + oldCoins,
		}
		for query, n := range want {
			if got[query] != n {
				return fmt.Errorf("wrong rows: %s gives %d, not %d", query, got[query], n)
			}
		}
		return nil
	},
}

// page reads an address of the console as a browser does.
func (l *lakehouse) page(ctx context.Context, path string) ([]byte, error) {
	address, err := l.dir().HTTP()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the page %s: %s: %.300s", path, response.Status, body)
	}
	return body, nil
}

// pages times each kind of page some times, and reports the slowest.
func (l *lakehouse) pages(ctx context.Context, n int) error {
	day := bronze.DayOf(l.bench.now.AddDate(0, 0, -1)).String()
	var worst, first time.Duration
	for _, path := range []string{
		"/", "/tables", "/tables/silver.asset_snapshots", "/tables/gold.rankings", "/tables/gold.market_summary", "/tables/gold.market_summary?at=1000010", "/tables/gold.own_001",
		"/tables/silver.asset_snapshots/profile", "/tables/gold.market_summary/snapshots", "/tables/gold.rankings/changes", "/tables/gold.market_summary/changes?from=1000010&to=1000020",
		"/bronze", "/bronze?prefix=bronze/coincap/history/ingest_date=" + bronze.DayOf(l.bench.now).String() + "/", "/sql", "/sql?sql=" + url.QueryEscape("from gold.rankings where rank < 10"),
		"/market", "/market/coin-0001", "/api/v1/market-series?chart=price&asset=coin-0001", "/api/v1/market-series?chart=market",
		"/letters", "/letters?filter=broken_04", "/letters/10", "/replay", "/replay?dataset=coincap%2Fassets", "/lineage", "/lineage?table=gold.rankings", "/lineage?table=gold.rankings&key=coin-0001&key=" + day,
		"/lineage/audits?table=gold.rankings", "/lineage/plan?table=gold.rankings", "/api/v1/now", "/api/v1/tables", "/api/v1/openapi.json",
	} {
		var took []time.Duration
		for range n + 1 {
			began := time.Now()
			if _, err := l.page(ctx, path); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		first = max(first, took[0])
		rest := slices.Sorted(slices.Values(took[1:]))
		p95 := rest[(len(rest)*95+99)/100-1]
		worst = max(worst, p95)
		slog.Info("page", "path", path, "first", took[0].Round(time.Millisecond), "p50", rest[len(rest)/2].Round(time.Millisecond), "p95", p95.Round(time.Millisecond))
	}
	l.bench.add(
		single("console-page", fmt.Sprintf("the slowest page of the console, p95 of %d", n), "ms", ms(worst), l.bench.full(most(300))...),
		single("console-page-first", "the slowest page at its first visit", "ms", ms(first)),
	)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// watching is browsers that have the live page open.
type watching struct {
	stop context.CancelFunc
	all  sync.WaitGroup
}

// watchers opens the live page in some browsers.
func (l *lakehouse) watchers(ctx context.Context) (*watching, error) {
	address, err := l.dir().HTTP()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	w := &watching{stop: stop}
	for range viewers {
		r, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+"/now/live", nil)
		if err != nil {
			return nil, errors.Join(err, w.end())
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, errors.Join(err, w.end())
		}
		w.all.Go(func() {
			_, _ = io.Copy(io.Discard, response.Body) // ends with the round
			_ = response.Body.Close()
		})
	}
	return w, nil
}

func (w *watching) end() error {
	w.stop()
	w.all.Wait()
	return nil
}

// live measures what the open pages cost the reactor while nothing comes, in rounds of a time.
func (l *lakehouse) live(ctx context.Context, rounds int, resting time.Duration) error {
	var cpu [2]float64 // without and with browsers
	for round := range 2 * rounds {
		with := round % 2
		var w *watching
		if with == 1 {
			var err error
			if w, err = l.watchers(ctx); err != nil {
				return err
			}
		}
		took, err := l.cpuOf(ctx, "reactor", resting)
		if w != nil {
			err = errors.Join(err, w.end())
		}
		if err != nil {
			return err
		}
		cpu[with] += took
	}
	whole := resting.Seconds() * float64(rounds)
	slog.Info("live page", "without", cpu[0]/whole, "with", cpu[1]/whole)
	const leastShown = .001 // the clock of the kernel has ticks of 10 ms
	l.bench.add(single("console-live", fmt.Sprintf("share of a core for the live page with %d browsers", viewers), "%", max(leastShown, 100*(cpu[1]-cpu[0])/whole), l.bench.full(most(2))...))
	return nil
}

// cpuOf is the processor time that a process takes within a time.
func (l *lakehouse) cpuOf(ctx context.Context, process string, within time.Duration) (float64, error) {
	before, err := usageOf(l.pids[process])
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(within):
	}
	after, err := usageOf(l.pids[process])
	return after.cpuSeconds - before.cpuSeconds, err
}

// seen puts objects one after the other, in rounds with and without browsers, and tells how many it put.
func (l *lakehouse) seen(ctx context.Context, rounds, n int) (int, error) {
	all, err := l.bench.snapshots(2*rounds*n, oldCoins, time.Second, l.bench.now)
	if err != nil {
		return 0, err
	}
	var gold [2][]time.Duration
	for round := range 2 * rounds {
		with := round % 2
		var w *watching
		if with == 1 {
			if w, err = l.watchers(ctx); err != nil {
				return 0, err
			}
		}
		for _, o := range all[round*n:][:n] {
			_, took, err := l.pacedTimes(ctx, []object{o}, 10, fmt.Sprintf("round %d, seen: %v", round+1, with == 1))
			if err != nil {
				return 0, err
			}
			gold[with] = append(gold[with], took...)
		}
		if w != nil {
			if err := w.end(); err != nil {
				return 0, err
			}
		}
	}
	alone, seen := times("put-gold-unseen", "PUT → gold on a large lake, nobody looks", gold[0]), times("put-gold-seen", fmt.Sprintf("PUT → gold on a large lake, %d browsers look", viewers), gold[1])
	l.bench.add(alone, seen, single("put-gold-seen-ratio", fmt.Sprintf("PUT → gold while %d browsers look, against none, p50", viewers), "×", seen.P50/alone.P50, l.bench.full(most(1.05))...))
	return len(all), nil
}
