package observe_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// measured is what the objects of TestMetricsTellWhatHappened come to.
var measured = map[string]float64{
	"millrace_put_to_silver_seconds{table=silver.asset_snapshots}":     2,
	"millrace_put_to_gold_seconds{table=silver.asset_snapshots}":       2,
	"millrace_events_total{outcome=done,table=silver.asset_snapshots}": 2,
	"millrace_events_total{outcome=dead,table=silver.asset_snapshots}": 1,
	"millrace_events_total{outcome=dead,table=stray}":                  1,
	"millrace_api_credits_total{table=silver.asset_snapshots}":         12,
	"millrace_rejected_rows_total{table=silver.asset_snapshots}":       1,
	"millrace_commits_total{table=silver.asset_snapshots}":             2,
	"millrace_commits_total{table=silver.rejected}":                    1,
	"millrace_dead_letters_total{class=unreadable}":                    1,
	"millrace_dead_letters_total{class=unrouted}":                      1,
	"millrace_dead_letters{table=silver.asset_snapshots}":              1,
	"millrace_dead_letters{table=stray}":                               1,
	"millrace_dead_letters{table=gold}":                                0,
	"millrace_table_rows{table=silver.asset_snapshots}":                2,
	"millrace_table_snapshots{table=silver.asset_snapshots}":           2,
	"millrace_table_files{table=silver.asset_snapshots}":               2,
	"millrace_gold_behind_seconds{table=silver.asset_snapshots}":       0,
	"millrace_consumer_waiting_events{table=silver.asset_snapshots}":   0,
	"millrace_consumer_unsettled_events{table=router}":                 0,
	"millrace_oldest_unprocessed_seconds{table=gold}":                  0,
	"millrace_part_ready{part=catalog}":                                1,
	"millrace_part_ready{part=nats}":                                   1,
	"millrace_missed_events_total{cause=unannounced}":                  0,
	"millrace_reconcile_duration_seconds{scope=all}":                   1,
	"millrace_scrape_failed{group=streams}":                            0,
}

func TestMetricsTellWhatHappened(t *testing.T) {
	s := harness.Start(t)
	at := coin.Day(time.June, 1)
	first, second, broken := coin.AssetsKey("1.json"), coin.AssetsKey("2.json"), coin.AssetsKey("3.json")
	s.PutAndWait(t, first, coin.Assets(at, coin.Asset("bitcoin", "1", "1")), map[string]string{"api-credits": "7"})
	s.PutAndWait(t, second, coin.Assets(at.AddDate(0, 0, 1), coin.Asset("bitcoin", "1", "1"), `{"id":"bad","priceUsd":"-1"}`), map[string]string{"api-credits": "5"})
	s.Put(t, broken, []byte("no JSON"), nil)
	s.Put(t, "bronze/nobody/knows/x.json", []byte("{}"), nil)
	var got map[string]float64
	differ := ""
	defer func() { t.Log(differ) }()
	harness.Eventually(t, "all of it is measured", func() bool {
		got, differ = harness.Metrics(t, s.HTTP), ""
		for name, value := range measured {
			if v, ok := got[name]; !ok || v != value {
				differ += fmt.Sprintf("%s is %v (%v), want %v\n", name, v, ok, value)
			}
		}
		return differ == ""
	})
	// The table for people lists every metric that a running reactor shows.
	table, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range got {
		name, _, _ = strings.Cut(name, "{")
		if strings.HasPrefix(name, "millrace_") && !strings.Contains(string(table), "| `"+name+"` |") {
			t.Errorf("docs/metrics.md lacks %s", name)
		}
	}
	for _, name := range []string{"millrace_disk_free_bytes{}", "millrace_table_bytes{table=silver.asset_snapshots}", "millrace_stream_bytes{stream=EV}"} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
}

// A reactor whose broker is away is alive and not ready, and says which part it misses.
func TestReadinessNamesThePart(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	get := func(path string) (int, string) { return harness.Get(t, "http://"+r.Addr+path) }
	if code, body := get("/readyz"); code != 200 || !regexp.MustCompile(`"ready":true`).MatchString(body) {
		t.Errorf("readyz: %d %s", code, body)
	}
	s.Kill()
	var answer struct {
		Ready bool
		Parts []struct {
			Name   string
			Ready  bool
			Reason string
		}
	}
	code, body := get("/readyz")
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 503 || answer.Ready {
		t.Fatalf("readyz: %d %s %v", code, body, err)
	}
	away := []string{"nats", "streams", "object_storage"}
	for _, p := range answer.Parts {
		if p.Ready == slices.Contains(away, p.Name) || (p.Reason == "") != p.Ready {
			t.Errorf("without NATS and MinIO: %+v", p)
		}
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
}
