//go:build genuine

package coincap_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
	"millrace/tests/harness"
)

// genuine finds recorded responses.
func genuine(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(harness.Genuine(t), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded response matches %s: %v", pattern, err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// payload is the response as encoding/json sees it: an independent reading, in which numbers stay text.
type payload struct {
	Timestamp json.Number
	Data      json.RawMessage
}

func rowsOf(t *testing.T, body []byte) (payload, []map[string]any) {
	t.Helper()
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Data[0] == '{' {
		p.Data = json.RawMessage("[" + string(p.Data) + "]")
	}
	d := json.NewDecoder(strings.NewReader(string(p.Data)))
	d.UseNumber()
	var rows []map[string]any
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	return p, rows
}

// plainDigits drops zeros that say nothing: "1.500" and "1.5" are the same decimal.
func plainDigits(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func moment(t *testing.T, ms json.Number) string {
	t.Helper()
	n, err := ms.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(n).UTC().Format("2006-01-02T15:04:05.999Z")
}

func decodeAll(t *testing.T, d *silver.Dataset, file string, meta ...string) ([]byte, []silvertest.Row) {
	t.Helper()
	body := read(t, file)
	s, err := silvertest.Decode(t, d, silvertest.Source(d, filepath.Base(file), meta...), body)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Refused) > 0 {
		t.Fatalf("refused %v", s.Refused)
	}
	return body, s.Good
}

var assetColumns = map[string]string{
	"asset_id": "id", "rank": "rank", "symbol": "symbol", "name": "name", "supply": "supply", "max_supply": "maxSupply",
	"market_cap_usd": "marketCapUsd", "volume_usd_24h": "volumeUsd24Hr", "price_usd": "priceUsd",
	"change_percent_24h": "changePercent24Hr", "vwap_24h": "vwap24Hr", "explorer": "explorer",
}

func TestGenuineAssetsDigitForDigit(t *testing.T) {
	for _, file := range append(genuine(t, "coincap_v2/asset*.json"), genuine(t, "coincap_v3/asset_*.json")...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, got := decodeAll(t, coincap.Assets, file)
			checkAssets(t, body, got)
		})
	}
}

func checkAssets(t *testing.T, body []byte, got []silvertest.Row) {
	t.Helper()
	p, want := rowsOf(t, body)
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d rows of %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i]["observed_at"] != moment(t, p.Timestamp) || got[i]["extra"] != "" {
			t.Errorf("row %d: observed_at %s, extra %s", i, got[i]["observed_at"], got[i]["extra"])
		}
		for column, name := range assetColumns {
			text, ok := w[name].(string)
			value, there := got[i][column]
			if ok != there || plainDigits(text) != value {
				t.Errorf("row %d: %s = %q, %s was %v", i, column, value, name, w[name])
			}
		}
		if tokens, ok := w["tokens"]; ok {
			checkTokens(t, tokens.(map[string]any), got[i]["tokens"])
		}
	}
}

func checkTokens(t *testing.T, want map[string]any, text string) {
	t.Helper()
	var entries []struct {
		Key   string
		Value []string
	}
	if err := json.Unmarshal([]byte(text), &entries); err != nil || len(entries) != len(want) {
		t.Fatalf("tokens %s: %v; want %v", text, err, want)
	}
	for _, e := range entries {
		list := want[e.Key].([]any)
		for i, v := range e.Value {
			if len(list) != len(e.Value) || list[i] != v {
				t.Errorf("tokens of %s are %v, want %v", e.Key, e.Value, list)
			}
		}
	}
}

func TestGenuineListWithoutEnvelope(t *testing.T) {
	for _, file := range genuine(t, "coincap_v3/*no-envelope.json") {
		body := read(t, file)
		if _, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), body); err == nil || !strings.HasPrefix(err.Error(), "unreadable object: timestamp is nowhere") {
			t.Errorf("%s as it is: %v", filepath.Base(file), err)
		}
		wrapped := []byte(`{"timestamp":1766000000000,"data":` + string(body) + `}`)
		s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), wrapped)
		if err != nil || len(s.Refused) > 0 {
			t.Fatal(err, s.Refused)
		}
		checkAssets(t, wrapped, s.Good)
	}
}

func TestGenuineFarewell(t *testing.T) {
	for _, file := range genuine(t, "coincap_v2/deprecated*.json") {
		_, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), read(t, file))
		if err == nil || !strings.Contains(err.Error(), `"data" is an object where a list belongs: "{\"message\":\"We are deprecating`) {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func TestGenuineHistoryDigitForDigit(t *testing.T) {
	points := 0
	for _, pattern := range []string{"coincap_v2/history_*.json", "coincap_v3/history_*.json", "coincap_v3_history/*/*.json"} {
		for _, file := range genuine(t, pattern) {
			body, got := decodeAll(t, coincap.History, file, "asset-id", "slug", "interval", "h1")
			_, want := rowsOf(t, body)
			if len(got) != len(want) {
				t.Fatalf("%s: %d rows of %d", file, len(got), len(want))
			}
			for i, w := range want {
				supply, _ := w["circulatingSupply"].(string)
				if got[i]["observed_at"] != moment(t, w["time"].(json.Number)) || got[i]["price_usd"] != plainDigits(w["priceUsd"].(string)) ||
					got[i]["circulating_supply"] != plainDigits(supply) || got[i]["extra"] != "" {
					t.Errorf("%s, row %d: %v, was %v", file, i, got[i], w)
				}
			}
			points += len(got)
		}
	}
	if points < 1000 {
		t.Errorf("only %d points", points)
	}
}
