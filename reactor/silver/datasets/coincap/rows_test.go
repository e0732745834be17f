package coincap_test

import (
	"maps"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// decodeOne decodes an object of one row and leaves its lineage out.
func decodeOne(t *testing.T, d *silver.Dataset, file, body string, meta ...string) silvertest.Row {
	t.Helper()
	s, err := silvertest.Decode(t, d, silvertest.Source(d, file, meta...), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Good) != 1 || len(s.Refused) != 0 {
		t.Fatalf("%d rows, refused %v", len(s.Good), s.Refused)
	}
	maps.DeleteFunc(s.Good[0], func(k, _ string) bool { return strings.HasPrefix(k, "source_") || k == "ingest_date" })
	return s.Good[0]
}

func same(t *testing.T, got, want silvertest.Row) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("row\n%v\nwant\n%v", got, want)
	}
}

func TestRowOfAssets(t *testing.T) {
	got := decodeOne(t, coincap.Assets, "x.json", assets(`{"id":"tether","rank":"3","symbol":"USDT","name":"Te\u0074her 👍","supply":"143000000000.0000000000000001",
		"maxSupply":null,"marketCapUsd":"1.5e11","volumeUsd24Hr":0.000000000000000001,"priceUsd":"1.0006473868224601255000000001","changePercent24Hr":"-0.02",
		"vwap24Hr":"0","explorer":"https://www.omniexplorer.info/","tokens":{"56":["0x2","0x1"],"1":"0xd","7":[]}}`))
	same(t, got, silvertest.Row{
		"asset_id": "tether", "observed_at": "2026-11-23T07:59:59Z", "rank": "3", "symbol": "USDT", "name": "Tether 👍",
		"supply": "143000000000.0000000000000001", "market_cap_usd": "150000000000", "volume_usd_24h": "0.000000000000000001",
		"price_usd": "1.0006473868224601255000000001", "change_percent_24h": "-0.02", "vwap_24h": "0", "explorer": "https://www.omniexplorer.info/",
		"tokens": `[{"key":"1","value":["0xd"]},{"key":"56","value":["0x2","0x1"]},{"key":"7","value":[]}]`,
	})
}

func TestRowOfHistory(t *testing.T) {
	got := decodeOne(t, coincap.History, "x.json", history(`{"priceUsd":"0.0000118692697201","time":1749126600000,"date":"2025-06-05T12:30:00.000Z","circulatingSupply":"420689899653543.56"}`),
		"asset-id", "pepe", "interval", "m15")
	same(t, got, silvertest.Row{"asset_id": "pepe", "interval": "m15", "observed_at": "2025-06-05T12:30:00Z", "price_usd": "0.0000118692697201", "circulating_supply": "420689899653543.56"})
}

func TestHistoryFromTheObjectsName(t *testing.T) {
	for name, want := range map[string][2]string{
		"bitcoin_d1_2025-04-27_2025-05-25.json": {"bitcoin", "d1"},
		"bitcoin_d1_.json":                      {"bitcoin", "d1"},
		"bitcoin_h12.json":                      {"bitcoin", "h12"},
		"shiba-inu_m15_x.json":                  {"shiba-inu", "m15"},
		"a_b_m1_h1_x.json":                      {"a_b", "m1"},
		"deeper/folder_h1_x/xrp_h1_x.json":      {"xrp", "h1"},
		"d1_bitcoin.json":                       {},
		"bitcoin-d1-x.json":                     {},
		"bitcoin_d1x_y.json":                    {},
		"_d1_x.json":                            {},
	} {
		s, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, name), []byte(history(point)))
		switch {
		case want[0] == "" && err == nil:
			t.Errorf("%s: asset %s and interval %s were read", name, s.Good[0]["asset_id"], s.Good[0]["interval"])
		case want[0] != "" && (err != nil || s.Good[0]["asset_id"] != want[0] || s.Good[0]["interval"] != want[1]):
			t.Errorf("%s: %v, %v; want %v", name, s.Good, err, want)
		}
	}
}

// What silver's columns cannot hold is not lost: it is in extra, as it came.
func TestExtra(t *testing.T) {
	for _, c := range []struct{ name, row, column, want, extra string }{
		{"unknown fields are sorted and compact", `{"id":"a","zeta":{"b" : [ 1 , 2.50 ],"a":"\u0041"},"alpha":null,"Mid\u0064le":true}`, "", "", `{"Middle":true,"alpha":null,"zeta":{"b":[1,2.50],"a":"\u0041"}}`},
		{"more decimals than the price", `{"id":"a","priceUsd":"1.00000000000000000000000000005"}`, "price_usd", "1", `{"priceUsd":"1.00000000000000000000000000005"}`},
		{"more decimals than an amount, odd before the half", `{"id":"a","supply":"1.0000000000000000015"}`, "supply", "1.000000000000000002", `{"supply":"1.0000000000000000015"}`},
		{"more decimals than an amount, even before the half", `{"id":"a","supply":1.0000000000000000025}`, "supply", "1.000000000000000002", `{"supply":1.0000000000000000025}`},
		{"a price of 1e-400", `{"id":"a","priceUsd":"1e-400"}`, "price_usd", "0", `{"priceUsd":"1e-400"}`},
		{"the API's name, whatever the payload's was", `{"id":"a","price_usd":"1e-30"}`, "price_usd", "0", `{"priceUsd":"1e-30"}`},
		{"a name that is a number", `{"id":"a","name":7}`, "name", "", `{"name":7}`},
		{"a name with NUL", `{"id":"a","name":"x\u0000"}`, "name", "", `{"name":"x\u0000"}`},
		{"tokens that are none", `{"id":"a","tokens":{"1":[1]}}`, "tokens", "", `{"tokens":{"1":[1]}}`},
		{"a token twice", `{"id":"a","tokens":{"1":["x"],"1":["y"]}}`, "tokens", "", `{"tokens":{"1":["x"],"1":["y"]}}`},
		{"among unknown fields", `{"id":"a","symbol":[],"a":1,"z":2}`, "symbol", "", `{"a":1,"symbol":[],"z":2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decodeOne(t, coincap.Assets, "x.json", assets(c.row))
			if got["extra"] != c.extra || c.column != "" && got[c.column] != c.want {
				t.Errorf("%s = %q, extra %s; want %q and %s", c.column, got[c.column], got["extra"], c.want, c.extra)
			}
		})
	}
}

func TestLineage(t *testing.T) {
	src := silvertest.Source(coincap.Assets, "a+b c%é.json")
	src.Version, src.ModifiedAt = "version", src.ModifiedAt.Add(1234567)
	s, err := silvertest.Decode(t, coincap.Assets, src, []byte(assets(good, `{"id":""}`, good)))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range []silvertest.Row{s.Good[0], s.Refused[0], s.Good[1]} {
		if r["source_key"] != src.Key || r["source_version"] != "version" || r["source_row"] != string(rune('0'+i)) ||
			r["source_modified_at"] != "2026-11-23T08:00:00.001Z" || r["ingest_date"] != "2026-11-23" {
			t.Errorf("row %d has the lineage %v", i, r)
		}
	}
	if r := s.Refused[0]; r["dataset"] != "coincap/assets" || r["raw"] != `{"id":""}` {
		t.Errorf("refused row %v", r)
	}
}

func TestIngestDateWithoutAFolder(t *testing.T) {
	src := silvertest.Source(coincap.Assets, "")
	src.Key = "bronze/coincap/assets/x.json"
	s, err := silvertest.Decode(t, coincap.Assets, src, []byte(assets(good)))
	if err != nil || s.Good[0]["ingest_date"] != "2026-11-23" {
		t.Errorf("%v, %v; want the day on which the object was stored", s.Good, err)
	}
}

func TestRawOfARefusedRow(t *testing.T) {
	for _, c := range []struct{ name, row, want string }{
		{"as it came", "{ \"id\" : \"\" , \"x\":1}", "{ \"id\" : \"\" , \"x\":1}"},
		{"broken text", "{\"id\":\"\xff\"}", "{\"id\":\"\uFFFD\"}"},
		{"cut at 64 KiB, between characters", `{"id":"","x":"` + strings.Repeat("é", 40<<10) + `"}`, `{"id":"","x":"` + strings.Repeat("é", (64<<10-14)/2) + "… (cut: 81936 bytes in all)"},
		{"larger than a row may be", `{"id":"a","x":"` + strings.Repeat("y", 9<<20) + `"}`, `{"id":"a","x":"` + strings.Repeat("y", 64<<10-15) + "… (cut: 9437201 bytes in all)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), []byte(assets(c.row)))
			if err != nil || len(s.Refused) != 1 || s.Refused[0]["raw"] != c.want {
				t.Errorf("%v; raw of %d bytes, want %d", err, len(s.Refused[0]["raw"]), len(c.want))
			}
		})
	}
}
