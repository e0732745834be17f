package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/ingestor/bronze"
	"millrace/tests/harness/catalog"
)

// bigLake is how much of everything a lake has.
type bigLake struct {
	snapshots, entries, letters, coins, models int
	// longest is how many of the snapshots one table has.
	longest int
}

// sizeOf is the lake that the console is meant for, or a small one.
func sizeOf(b *bench) bigLake {
	return bigLake{
		snapshots: b.size(10_000, 300), entries: b.size(1_000_000, 10_000), letters: b.size(5_000, 50), coins: b.size(2_500, 100), models: b.size(200, 8),
		longest: b.size(2_000, 100),
	}
}

// ownModels is how many models come with the program.
const ownModels = 4

// openBig makes such a lake, with a reactor on it that does not hold the ledger against the bucket: most of the objects are in the
// ledger alone.
func (b *bench) openBig(ctx context.Context, size bigLake) (*lakehouse, error) {
	l, err := b.open(ctx, false)
	if err != nil {
		return nil, err
	}
	if err := l.grow(ctx, size); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// grow fills an empty lake.
func (l *lakehouse) grow(ctx context.Context, size bigLake) error {
	now, folder := l.bench.now, filepath.Join(l.home, "models")
	if err := writeModels(folder, size.models-ownModels); err != nil {
		return err
	}
	if err := l.startReactor(ctx, "MILLRACE_MODELS="+folder, "MILLRACE_RECONCILE_EVERY=24h"); err != nil {
		return err
	}
	if err := l.putAll(ctx, bigListings(now, size.coins), 1); err != nil {
		return err
	}
	if _, err := l.await(ctx, below(assets), listedDays); err != nil {
		return err
	}
	if err := l.putAll(ctx, brokenObjects(now, size.letters), writers); err != nil {
		return err
	}
	if err := l.buried(ctx, size.letters); err != nil {
		return err
	}
	if err := l.addSnapshots(ctx, size); err != nil {
		return err
	}
	return catalog.AddEntries(ctx, l.dir().Catalog(), size.entries, now.AddDate(0, 0, -100))
}

// writeModels writes small models that read gold.
func writeModels(folder string, n int) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder for models: %w", err)
	}
	for i := range n {
		text := fmt.Sprintf("-- model: gold.own_%03d\n-- grain: asset_id, day\n-- lookback: 0 days\n-- column: asset_id the asset\n-- column: day the day\n-- column: price its price [USD]\n"+
			"select asset_id, day, close as price from gold.daily_summary where n_samples > 0 and %d >= 0\n", i, i)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("own_%03d.sql", i)), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write a model: %w", err)
		}
	}
	return nil
}

// listedDays is for how many days there are listings.
const listedDays = 3

// bigListings are responses of /assets with so many coins that the market of the other scenarios has too few.
func bigListings(now time.Time, coins int) []object {
	var all []object
	for day := range listedDays {
		at := bronze.DayOf(now).Start().AddDate(0, 0, day-listedDays)
		rows := make([]string, coins)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"id":"coin-%04d","rank":"%d","symbol":"C%d","name":"Coin %d","supply":"1000.5","maxSupply":null,"marketCapUsd":"%d.25","volumeUsd24Hr":"%d.5","priceUsd":"%d.125","changePercent24Hr":"0.5","vwap24Hr":null}`,
				i, i+1, i, i, 1_000_000-10*i, 5_000+i, 100+i+day)
		}
		body := fmt.Appendf(nil, `{"timestamp":%d,"data":[%s]}`, at.UnixMilli(), strings.Join(rows, ","))
		all = append(all, object{key: bronze.Place{Source: "coincap", Dataset: assets, Stem: "assets", Ext: bronze.JSON}.Key(bronze.DayOf(at), body), body: body, rows: coins})
	}
	return all
}

// brokenObjects cannot be read, so each becomes a dead letter.
func brokenObjects(now time.Time, n int) []object {
	all := make([]object, n)
	for i := range all {
		body := fmt.Appendf(nil, `{"error":"too many requests","number":%d}`, i)
		all[i] = object{key: bronze.Place{Source: "coincap", Dataset: history, Stem: fmt.Sprintf("broken_%05d_d1", i), Ext: bronze.JSON}.Key(bronze.DayOf(now), body), body: body}
	}
	return all
}

// buried waits until there are n dead letters.
func (l *lakehouse) buried(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var state struct {
			DeadLetters int `json:"dead_letters"`
		}
		answer, err := l.page(ctx, "/api/v1/now")
		if err == nil {
			err = json.Unmarshal(answer, &state)
		}
		if err != nil {
			return err
		}
		if state.DeadLetters >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d dead letters, there are %d: %w", n, state.DeadLetters, context.Cause(ctx))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// addSnapshots gives gold's tables older snapshots, which tags keep: such as an engine that never expires any leaves them.
func (l *lakehouse) addSnapshots(ctx context.Context, size bigLake) error {
	pointers, err := l.catalog.Pointers(ctx)
	if err != nil {
		return err
	}
	for _, empty := range []string{"silver.asset_prices", "silver.rejected"} { // nothing came for these
		delete(pointers, empty)
	}
	moves, rest := map[string]string{}, size.snapshots-size.longest
	for i, name := range slices.Sorted(maps.Keys(pointers)) {
		n := rest / len(pointers)
		if i < rest%len(pointers) {
			n++
		}
		if name == "gold.market_summary" {
			n += size.longest
		}
		location := pointers[name]
		if moves[location], err = l.olden(ctx, location, n); err != nil {
			return fmt.Errorf("give %s snapshots: %w", name, err)
		}
	}
	return catalog.MovePointers(ctx, l.dir().Catalog(), moves)
}

// olden writes a table's metadata once more with n snapshots before the current one, and returns where.
func (l *lakehouse) olden(ctx context.Context, location string, n int) (string, error) {
	key := strings.TrimPrefix(location, "s3://"+bucket+"/")
	stored, err := l.client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(stored)
	if err = errors.Join(err, stored.Close()); err != nil {
		return "", err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	meta := map[string]any{}
	if err := decoder.Decode(&meta); err != nil {
		return "", err
	}
	snapshots, _ := meta["snapshots"].([]any)
	refs, _ := meta["refs"].(map[string]any)
	if len(snapshots) == 0 || refs == nil {
		return "", errors.New("it has no snapshot yet")
	}
	first, _ := snapshots[0].(map[string]any)
	made, err := strconv.ParseInt(fmt.Sprint(first["timestamp-ms"]), 10, 64)
	if err != nil {
		return "", err
	}
	for i := range n {
		older := map[string]any{}
		for k, v := range first {
			older[k] = v
		}
		delete(older, "parent-snapshot-id")
		older["snapshot-id"], older["sequence-number"], older["timestamp-ms"] = 1_000_000+i, 1, made-int64(n-i)*3_600_000
		if i > 0 {
			older["parent-snapshot-id"] = 1_000_000 + i - 1
		}
		snapshots = append(snapshots, older)
		refs[fmt.Sprintf("kept-%05d", i)] = map[string]any{"snapshot-id": 1_000_000 + i, "type": "tag"}
	}
	meta["snapshots"], meta["refs"] = snapshots, refs
	if text, err = json.Marshal(meta); err != nil {
		return "", err
	}
	folder, name := filepath.Split(key)
	number, _, _ := strings.Cut(name, "-")
	version, err := strconv.Atoi(number)
	if err != nil {
		return "", fmt.Errorf("read the version of %s: %w", location, err)
	}
	key = fmt.Sprintf("%s%05d-00000000-0000-4000-8000-%012d.metadata.json", folder, version+1, n)
	_, err = l.client.PutObject(ctx, bucket, key, bytes.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
	return "s3://" + bucket + "/" + key, err
}
