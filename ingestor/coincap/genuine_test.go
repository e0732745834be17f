//go:build genuine

package coincap

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"millrace/ingestor/bronze"
	"millrace/tests/harness"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Every point of every recorded d1 history of 2025 must come through server and client with its own bytes.
func TestGenuineHistoriesComeThroughUnchanged(t *testing.T) {
	dir := harness.Genuine(t)
	address, _ := serve(t, SimulatorConfig{Recorded: dir})
	c := newClient(t, Config{BaseURL: address})
	piece := Piece{From: mustDay(t, "2025-04-27"), To: mustDay(t, "2025-05-25")}
	files, err := filepath.Glob(filepath.Join(dir, "coincap_v3_history", "d1", "*.json"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recorded histories, %v", len(files), err)
	}
	points, verbatim := 0, 0
	for _, file := range files {
		slug := filepath.Base(file[:len(file)-len(".json")])
		want := readFile(t, file)
		got, err := c.History(context.Background(), slug, D1, piece)
		if err != nil {
			t.Fatal(err)
		}
		if got.Synthetic {
			t.Fatalf("%s is marked synthetic", slug)
		}
		if bytes.Equal(got.Body, want) {
			verbatim++
		}
		var a, b struct{ Data []json.RawMessage }
		if err := json.Unmarshal(want, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got.Body, &b); err != nil {
			t.Fatal(err)
		}
		if len(a.Data) != len(b.Data) || got.Envelope.Items != len(a.Data) {
			t.Fatalf("%s: %d points recorded, %d served, %d counted", slug, len(a.Data), len(b.Data), got.Envelope.Items)
		}
		for i := range a.Data {
			var p, q map[string]json.RawMessage
			if json.Unmarshal(a.Data[i], &p) != nil || json.Unmarshal(b.Data[i], &q) != nil || !bytes.Equal(p["priceUsd"], q["priceUsd"]) || !bytes.Equal(p["time"], q["time"]) {
				t.Fatalf("%s: point %d is %s, recorded as %s", slug, i, b.Data[i], a.Data[i])
			}
		}
		points += len(a.Data)
	}
	if points < 1300 || verbatim < 75 {
		t.Errorf("%d points in %d histories, %d of them byte for byte", points, len(files), verbatim)
	}
}

func TestGenuineListsAndAssetsAreServedByteForByte(t *testing.T) {
	dir := harness.Genuine(t)
	s := newSimulator(t, SimulatorConfig{Recorded: dir})
	for path, file := range map[string]string{
		"/v3/assets?limit=20": "coincap_v2/assets_top10_2021-10-27.json",
		"/v3/assets?limit=1":  "coincap_v2/assets_limit1_2024-12-11.json",
		"/v3/assets/bitcoin":  "coincap_v3/asset_bitcoin_2026-04-06.json",
		"/v3/assets/polkadot": "coincap_v2/asset_polkadot_vwap-null_2021-03-27.json",
		"/v3/assets/0xbtc/history?interval=d1&start=0&end=1": "coincap_v3/history_0xbtc_empty_2025-06-08.json",
	} {
		if _, body := ask(t, s, path); body != string(readFile(t, filepath.Join(dir, file))) {
			t.Errorf("%s is not %s, but %.200s", path, file, body)
		}
	}
}

func TestGenuineHistoriesOfOtherIntervals(t *testing.T) {
	s := newSimulator(t, SimulatorConfig{Recorded: harness.Genuine(t)})
	for path, least := range map[string]int{
		"/assets/pepe/history?interval=m15&start=1749081600000&end=1749168000000":    20,
		"/assets/bitcoin/history?interval=h1&start=1749513600000&end=1749686399999":  20,
		"/assets/bitcoin/history?interval=h6&start=1586908800000&end=1587600000000":  20,
		"/assets/ethereum/history?interval=d1&start=1648252800000&end=1650844799999": 25,
	} {
		_, body := ask(t, s, path)
		if envelope, err := ReadEnvelope([]byte(body)); err != nil || envelope.Items < least {
			t.Errorf("%s: %d points, %v", path, envelope.Items, err)
		}
	}
}

// The body with which v2 has answered since its end must never pass for data.
func TestGenuineFarewellIsRecognized(t *testing.T) {
	body := readFile(t, filepath.Join(harness.Genuine(t), "coincap_v2", "deprecated_429_2025-03-31.json"))
	for _, status := range []int{200, 429} {
		if failed := judge(status, body, nil, 1<<20, &Envelope{}); failed == nil || failed.Kind != Farewell || failed.Kind.Retryable() {
			t.Errorf("status %d is judged %v", status, failed)
		}
	}
}

func TestGenuineListWithoutEnvelopeIsRefused(t *testing.T) {
	body := readFile(t, filepath.Join(harness.Genuine(t), "coincap_v3", "assets_items_top4_2025-12_no-envelope.json"))
	failed := judge(200, body, nil, 1<<20, &Envelope{})
	if failed == nil || failed.Kind != NotList {
		t.Errorf("judged %v", failed)
	}
}

func TestGenuineSlugsPass(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(harness.Genuine(t), "coincap_v3_history", "d1", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		slug := filepath.Base(file[:len(file)-len(".json")])
		if err := CheckID(slug); err != nil {
			t.Error(err)
		}
		if err := (bronze.Place{Source: "coincap", Dataset: "history", Stem: slug + "_d1", Ext: bronze.JSON}).Key(bronze.DayOfUnix(20000), nil).Validate(); err != nil {
			t.Error(err)
		}
	}
}
