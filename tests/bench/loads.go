package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// loadsPerSecond is how often engines load a table meanwhile, keys to its files included.
	loadsPerSecond = 50
	// manySnapshots is how long the history of a table is whose loads are timed.
	manySnapshots = 1000
)

// loads is (i): engines ask the Iceberg catalog while objects arrive. Rounds with and without them take turns, so that the machine's
// mood is the same for both.
var loads = scenario{
	letter: "i", about: fmt.Sprintf("PUT to silver and to gold beside %d loads a second by the Iceberg catalog; loads of a table of %d snapshots", loadsPerSecond, manySnapshots),
	figures: []string{"put-silver-alone", "put-silver-loads", "put-silver-loads-ratio", "put-gold-alone", "put-gold-loads", "put-gold-loads-ratio", "load", "load-many"},
	run: func(ctx context.Context, b *bench) (err error) {
		l, points, err := b.openOld(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		const perSecond = 5
		rounds, n := b.size(8, 2), b.size(50, 15)
		all, err := b.snapshots(rounds*n, oldCoins, time.Second, b.now)
		if err != nil {
			return err
		}
		var silver, gold, loaded [2][]time.Duration // without and with loads
		for round := range rounds {
			engines := &asking{l: l}
			with := round % 2
			if with == 1 {
				engines.start(ctx)
			}
			s, g, err := l.pacedTimes(ctx, all[round*n:][:n], perSecond, fmt.Sprintf("round %d, with loads: %v", round+1, with == 1))
			times, askErr := engines.stop()
			if err := errors.Join(err, askErr); err != nil {
				return err
			}
			silver[with], gold[with], loaded[with] = append(silver[with], s...), append(gold[with], g...), append(loaded[with], times...)
		}
		what := fmt.Sprintf("beside %d loads/s", loadsPerSecond)
		for name, took := range map[string][2][]time.Duration{"silver": silver, "gold": gold} {
			alone := times("put-"+name+"-alone", fmt.Sprintf("PUT → %s, %d objects/s, no loads", name, perSecond), took[0])
			beside := times("put-"+name+"-loads", fmt.Sprintf("PUT → %s, %d objects/s, %s", name, perSecond, what), took[1])
			b.add(alone, beside, single("put-"+name+"-loads-ratio", fmt.Sprintf("PUT → %s %s, against none, p50", name, what), "×", beside.P50/alone.P50, b.full(most(1.1))...))
		}
		b.add(times("load", fmt.Sprintf("load of a table of silver or gold with keys, at %d a second, beside puts", loadsPerSecond), loaded[1]))
		if err := l.loadMany(ctx); err != nil {
			return err
		}
		return l.verify(ctx, map[string]int{
			"select count(*) from silver.asset_snapshots":                             rowsOf(all),
			"select count(*) from silver.asset_prices":                                points,
			"select sum(n_samples) from gold.daily_summary where source = 'snapshot'": rowsOf(all),
		})
	},
}

// iceberg sends one call to the Iceberg catalog as a role and returns its answer.
func (l *lakehouse) iceberg(ctx context.Context, role, method, path string, body any) ([]byte, error) {
	vars, err := l.dir().Vars(role)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, vars["MILLRACE_ICEBERG_URI"]+"/"+path, &text)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+vars["MILLRACE_ICEBERG_TOKEN"])
	r.Header.Set("X-Iceberg-Access-Delegation", "vended-credentials")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: the catalog answers %s: %.300s", method, path, response.Status, answer)
	}
	return answer, nil
}

// load times one load of a table, keys to its files included.
func (l *lakehouse) load(ctx context.Context, table string) (time.Duration, error) {
	namespace, name, _ := strings.Cut(table, ".")
	started := time.Now()
	answer, err := l.iceberg(ctx, "analyst", http.MethodGet, "v1/namespaces/"+namespace+"/tables/"+name, nil)
	took := time.Since(started)
	if err == nil && !bytes.Contains(answer, []byte(`"s3.session-token"`)) {
		err = fmt.Errorf("load %s: it came without keys: %.300s", table, answer)
	}
	return took, err
}

// asking is engines that load tables at a rate, whether or not the catalog keeps up.
type asking struct {
	l    *lakehouse
	end  context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	took   []time.Duration
	failed error
}

func (a *asking) start(ctx context.Context) {
	tables := []string{"silver.asset_snapshots", "gold.rankings", "silver.asset_prices", "gold.daily_summary", "gold.market_summary"}
	stopped, end := context.WithCancel(ctx)
	a.end = end
	a.done.Go(func() {
		tick := time.NewTicker(time.Second / loadsPerSecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stopped.Done():
				return
			case <-tick.C:
			}
			a.done.Go(func() {
				took, err := a.l.load(ctx, tables[i%len(tables)])
				a.mu.Lock()
				defer a.mu.Unlock()
				a.took, a.failed = append(a.took, took), errors.Join(a.failed, err)
			})
		}
	})
}

// stop returns how long each load took, when the last is done.
func (a *asking) stop() ([]time.Duration, error) {
	if a.end == nil {
		return nil, nil
	}
	a.end()
	a.done.Wait()
	return a.took, a.failed
}

// loadMany times loads of a table with a long history, as another engine has that expires nothing.
func (l *lakehouse) loadMany(ctx context.Context) error {
	type object = map[string]any
	if _, err := l.iceberg(ctx, "owner", http.MethodPost, "v1/namespaces", object{"namespace": []string{"bench"}}); err != nil {
		return err
	}
	schema := object{"type": "struct", "schema-id": 0, "fields": []object{{"id": 1, "name": "x", "required": false, "type": "long"}}}
	if _, err := l.iceberg(ctx, "owner", http.MethodPost, "v1/namespaces/bench/tables", object{"name": "many", "schema": schema}); err != nil {
		return err
	}
	const atOnce = 100
	began := time.Now().Add(time.Minute).UnixMilli() // later than the table: a history goes forward
	for first := 0; first < manySnapshots; first += atOnce {
		var updates []object
		for i := first + 1; i <= first+atOnce; i++ {
			snapshot := object{
				"snapshot-id": i, "sequence-number": i, "timestamp-ms": began + int64(i), "schema-id": 0,
				"manifest-list": fmt.Sprintf("s3://%s/tables/bench/many/metadata/snap-%019d-0-0f7a4e5c-6f2b-4b5e-8a55-3f1f7c1c2b6d.avro", bucket, i),
				"summary": object{"operation": "append", "added-data-files": "1", "added-records": "20", "added-files-size": "7311", "changed-partition-count": "1",
					"total-records": fmt.Sprint(20 * i), "total-files-size": fmt.Sprint(7311 * i), "total-data-files": fmt.Sprint(i), "total-delete-files": "0", "total-position-deletes": "0", "total-equality-deletes": "0"},
			}
			if i > 1 {
				snapshot["parent-snapshot-id"] = i - 1
			}
			updates = append(updates, object{"action": "add-snapshot", "snapshot": snapshot})
		}
		updates = append(updates, object{"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": first + atOnce})
		if _, err := l.iceberg(ctx, "owner", http.MethodPost, "v1/namespaces/bench/tables/many", object{"requirements": []object{}, "updates": updates}); err != nil {
			return err
		}
	}
	var took []time.Duration
	for range l.bench.size(200, 50) {
		one, err := l.load(ctx, "bench.many")
		if err != nil {
			return err
		}
		took = append(took, one)
	}
	l.bench.add(times("load-many", fmt.Sprintf("load of a table of %d snapshots, with keys", manySnapshots), took, l.bench.full(most(10))...))
	return nil
}
