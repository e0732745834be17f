package coincap

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// record writes made-up recordings, in the layouts in which genuine ones are kept.
func record(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func row(id string) string {
	return fmt.Sprintf(`{ "id":"%s","symbol":"%.3s", "priceUsd":"1.50"}`, id, id)
}

func point(hours int64) string {
	return fmt.Sprintf(`{"priceUsd": "%d.0000000000", "time":%d }`, hours, hours*3600000)
}

const hour = int64(3600000)

var recorded = map[string]string{
	"v2/list_of_three.json":          `{"data":[` + row("a") + `, ` + row("b") + `,` + row("c") + "],\n \"timestamp\":100}",
	"v3/list_of_one.json":            `{"timestamp":200,"data":[` + row("a") + `]}`,
	"v3/items_without_envelope.json": `[` + row("z") + `]`,
	"v3/asset_b_old.json":            `{"data":` + row("b") + `,"timestamp":5}`,
	"v3/asset_b_new.json":            `{"data": ` + row("b") + `,"timestamp":6}`,
	"v3/farewell.json":               `{"data":{"message":"gone"},"timestamp":300}`,
	"v3/broken.json":                 `{"data":[`,
	"v3/notes.txt":                   `{"data":[` + row("y") + `],"timestamp":900}`,
	"v3/history_a_h1_2025.json":      `{"data":[` + point(1) + `,` + point(2) + `],"timestamp":50}`,
	"v3/history_a_h1_2026.json":      `{"data":[` + point(2) + `,` + point(3) + `,` + point(4) + `],"timestamp":60}`,
	"v3/history_dead_empty_1.json":   "{\n  \"data\": [],\n  \"timestamp\": 7\n}",
	"history/d1/b.json":              `{"data":[` + point(24) + `, ` + point(48) + `]}`,
	"history/m15/b_h1.json":          `{"data":[` + point(1) + `]}`,
	"history/other/c.json":           `{"data":[` + point(6) + `,` + point(24) + `,` + point(12) + `]}`,
}

func TestRecordedAnswers(t *testing.T) {
	s := newSimulator(t, SimulatorConfig{Recorded: record(t, recorded)})
	history := func(id, interval string, from, to int64) string {
		return fmt.Sprintf("/v3/assets/%s/history?interval=%s&start=%d&end=%d", id, interval, from*hour, to*hour)
	}
	tests := []struct {
		name, path, want string // want "" is a 404; "file:" a recording byte for byte
	}{
		{"longest list", "/assets", "file:v2/list_of_three.json"},
		{"newest that is long enough", "/assets?limit=1", "file:v3/list_of_one.json"},
		{"rows of the newest that is long enough", "/assets?limit=2", `{"data":[` + row("a") + "," + row("b") + `],"timestamp":100}`},
		{"offset", "/assets?limit=2&offset=1", `{"data":[` + row("b") + "," + row("c") + `],"timestamp":100}`},
		{"ids", "/assets?ids=c", `{"data":[` + row("c") + `],"timestamp":100}`},
		{"newest of one asset", "/assets/b", "file:v3/asset_b_new.json"},
		{"asset of a list", "/assets/a", `{"data":` + row("a") + `,"timestamp":200}`},
		{"row without envelope", "/assets/z", ""},
		{"text file", "/assets/y", ""},
		{"whole history", history("b", "d1", 0, 100), "file:history/d1/b.json"},
		{"part of a history", history("b", "d1", 25, 100), `{"data":[` + point(48) + `]}`},
		{"end is inclusive", history("b", "d1", 24, 24), `{"data":[` + point(24) + `]}`},
		{"interval in the name, not the folder", history("b", "h1", 0, 10), "file:history/m15/b_h1.json"},
		{"interval by the points", history("c", "h6", 0, 100), "file:history/other/c.json"},
		{"two recordings, the newer counts", history("a", "h1", 0, 3), `{"data":[` + point(1) + "," + point(2) + "," + point(3) + `],"timestamp":60}`},
		{"just one of two", history("a", "h1", 2, 9), "file:v3/history_a_h1_2026.json"},
		{"no points then", history("b", "d1", 1, 2), `{"data":[]}`},
		{"never any points", history("dead", "d1", 0, 100), "file:v3/history_dead_empty_1.json"},
		{"other interval", history("b", "m5", 0, 1), ""},
		{"unknown asset", history("z", "d1", 0, 1), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, s, tt.path)
			want := tt.want
			if name, ok := strings.CutPrefix(want, "file:"); ok {
				want = recorded[name]
			}
			if tt.want == "" {
				if status != 404 {
					t.Errorf("%d %s, want 404", status, body)
				}
				return
			}
			if status != 200 || body != want {
				t.Errorf("%d\n%s\nwant\n%s", status, body, want)
			}
		})
	}
}

func TestRecordedAnswersAreNotMarkedSynthetic(t *testing.T) {
	address, _ := serve(t, SimulatorConfig{Recorded: record(t, recorded)})
	pages, err := newClient(t, Config{BaseURL: address}).Top(t.Context(), 3)
	if err != nil || pages[0].Synthetic {
		t.Errorf("synthetic %v, %v", pages, err)
	}
}

func TestFolderWithoutRecordingsIsAnError(t *testing.T) {
	for _, dir := range []string{record(t, map[string]string{"a.json": `[]`, "b.txt": "x"}), filepath.Join(t.TempDir(), "absent")} {
		if _, err := NewSimulator(SimulatorConfig{Recorded: dir}); err == nil || !strings.Contains(err.Error(), "read recorded responses") {
			t.Errorf("%s: error is %v", dir, err)
		}
	}
}

func TestSeriesOf(t *testing.T) {
	tests := []struct {
		path  string
		times []int64
		want  series
	}{
		{"x/history_bitcoin_d1_2025-04-27_2025-05-25.json", nil, series{"bitcoin", D1}},
		{"x/history_ethereum_m15.json", nil, series{"ethereum", "m15"}},
		{"x/m15/usd-coin.json", nil, series{"usd-coin", "m15"}},
		{"x/m15/bitcoin_h1.json", nil, series{"bitcoin", "h1"}},
		{"x/bitcoin.json", []int64{0, 300000, 900000}, series{"bitcoin", "m5"}},
		{"x/bitcoin.json", []int64{0, 300001}, series{"bitcoin", ""}},
		{"x/history_0xbtc_empty_2025-06-08.json", nil, series{"0xbtc", ""}},
	}
	for _, tt := range tests {
		if got := seriesOf(tt.path, tt.times); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.path, got, tt.want)
		}
	}
	if D1.Step() != 24*time.Hour || Interval("x").Step() != 0 || Interval("x").Limit() != 0 {
		t.Error("steps are wrong")
	}
}
