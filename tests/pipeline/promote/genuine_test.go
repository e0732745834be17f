//go:build genuine

package promote_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// recorded gives the oracle the recorded histories of one interval, and returns whose they are.
func recorded(t *testing.T, o *oracle, pattern, interval string) (assets []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(harness.Genuine(t), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no responses in %s: %v", pattern, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asset := strings.TrimSuffix(filepath.Base(file), ".json")
		if rest, ok := strings.CutPrefix(asset, "history_"); ok {
			asset, _, _ = strings.Cut(rest, "_")
		}
		o.history(t, asset, interval, body)
		assets = append(assets, asset)
	}
	return assets
}

func TestGenuineResponsesReachGoldDigitForDigit(t *testing.T) {
	data := harness.Genuine(t)
	s := harness.Start(t, harness.WithArgs("--recorded", data))
	o := newOracle()
	history := func(from, to, interval string, assets []string) {
		t.Helper()
		list := s.Ingest(t, "history", "--from", from, "--to", to, "--interval", interval, "--assets", strings.Join(assets, ","))
		if len(list) != len(assets) {
			t.Errorf("%d objects for %d assets", len(list), len(assets))
		}
	}
	daily := recorded(t, o, "coincap_v3_history/d1/*.json", "d1")
	points := len(o.points)
	history("2025-04-27", "2025-05-25", "d1", daily)
	if len(daily) != 85 || points != 1301 {
		t.Errorf("%d assets and %d daily points: the recording has others", len(daily), points)
	}
	// Other intervals, of other years, and from the API's version 2.
	quarterHours := recorded(t, o, "coincap_v3_history/m15/*[^1].json", "m15") // one file there is of h1
	history("2025-06-05", "2025-06-05", "m15", quarterHours)
	history("2025-06-10", "2025-06-11", "h1", recorded(t, o, "coincap_v3/history_bitcoin_h1*.json", "h1"))
	history("2020-04-16", "2020-04-22", "h6", recorded(t, o, "coincap_v2/history_bitcoin_h6*.json", "h6"))
	history("2022-03-26", "2022-04-24", "d1", recorded(t, o, "coincap_v2/history_ethereum_d1*.json", "d1"))
	for file, top := range map[string]string{"assets_top10_2021-10-27.json": "10", "assets_limit1_2024-12-11.json": "1"} {
		s.Ingest(t, "snapshot", "--top", top)
		o.assets(t, read(t, data, "coincap_v2", file))
	}
	byHand(t, s, o, data)
	if len(o.points) < points+300 || len(o.snapshots) != 14 {
		t.Errorf("the oracle knows %d points and %d snapshots: the recording has others", len(o.points), len(o.snapshots))
	}
	o.agree(t, s)
	verdicts := s.CheckEqual(t)
	if verdicts["silver.asset_prices"].Rows != len(o.points) || verdicts["silver.rejected"].Rows != 0 {
		t.Errorf("silver has other rows than there are genuine points: %+v", verdicts)
	}
	t.Logf("%d genuine points, %d asset snapshots, %d asset days: every digit as received", len(o.points), len(o.snapshots), verdicts["gold.daily_summary"].Rows)
}

// byHand puts the same days once more in other files, and single assets, as a person would.
func byHand(t *testing.T, s *harness.Stack, o *oracle, data string) {
	t.Helper()
	var keys []string
	put := func(key string, body []byte, meta map[string]string) {
		s.Put(t, key, body, meta)
		keys = append(keys, key)
	}
	for _, asset := range []string{"bitcoin", "ethereum", "tether", "xrp"} {
		file := "history_" + asset + "_d1_2025-04-27_2025-05-25.json"
		body := read(t, data, "coincap_v3", file)
		o.history(t, asset, "d1", body)
		put(coin.HistoryKey(file), body, coin.About(asset, "d1"))
	}
	for _, file := range []string{"coincap_v2/asset_polkadot_vwap-null_2021-03-27.json", "coincap_v3/asset_bitcoin_2025-08-11.json", "coincap_v3/asset_bitcoin_2026-04-06.json"} {
		body := read(t, data, file)
		o.assets(t, body)
		put(coin.AssetsKey(filepath.Base(file)), body, nil)
	}
	s.Wait(t, keys...)
	// Genuine, and no data: each has its place.
	s.Put(t, coin.AssetsKey("farewell.json"), read(t, data, "coincap_v2", "deprecated_429_2025-03-31.json"), nil)
	s.Put(t, coin.AssetsKey("no-envelope.json"), read(t, data, "coincap_v3", "assets_items_top4_2025-12_no-envelope.json"), nil)
	s.AwaitDeadLetters(t, 2)
	s.Settled(t)
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return body
}
