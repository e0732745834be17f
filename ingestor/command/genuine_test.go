//go:build genuine

package command

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7"

	"millrace/ingestor/coincap"
	"millrace/tests/harness"
)

// Genuine responses must reach bronze with their own bytes: 46 histories with prices and a list of ten assets.
func TestGenuineResponsesLandByteForByte(t *testing.T) {
	data := harness.Genuine(t)
	s := harness.Start(t, harness.WithoutReactor())
	api, _ := serve(t, coincap.SimulatorConfig{Recorded: data})
	f := flags(t, s, api)

	snapshot, err := run(t, Snapshot{topFlag: topFlag{20}, fetchFlags: f})
	if err != nil || len(snapshot) != 1 || snapshot[0].Items != 10 {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	same(t, s, snapshot[0].Key, filepath.Join(data, "coincap_v2", "assets_top10_2021-10-27.json"))

	files, err := filepath.Glob(filepath.Join(data, "coincap_v3_history", "d1", "*.json"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recorded histories, %v", len(files), err)
	}
	var assets []string
	for _, file := range files {
		assets = append(assets, filepath.Base(file[:len(file)-len(".json")]))
	}
	c := History{From: day(t, "2025-04-27"), To: day(t, "2025-05-25"), Interval: "d1", Assets: assets, topFlag: topFlag{20}, fetchFlags: f}
	results, err := run(t, c)
	if err != nil || len(results) != len(assets) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	points := 0
	for i, r := range results {
		points += r.Items
		if r.Asset == "solana" || r.Asset == "xaya" {
			same(t, s, r.Key, files[i])
		}
	}
	if points < 1300 || outcomes(results)["no data"] < 39 {
		t.Errorf("%d points, %v", points, outcomes(results))
	}
	again, err := run(t, c)
	if err != nil || outcomes(again)["put"] != 0 {
		t.Errorf("again: %v, %v", outcomes(again), err)
	}
}

func same(t *testing.T, s *harness.Stack, key, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	object, err := s.Client().GetObject(t.Context(), s.Bucket(), key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(object)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not %s: %v", key, file, err)
	}
}
