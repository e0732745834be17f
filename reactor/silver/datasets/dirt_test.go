package datasets_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// mold makes objects of a ready-made dataset: rows within a frame. A row has each field as <column=value>, and # tells rows apart.
type mold struct {
	dataset, file, frame, between, row string
	meta                               []string
}

var molds = []mold{
	{"binance/klines", "BTCUSDT_1h_x.json", "[%s]", ",",
		`[<observed_at=179539200000#>,<open="1">,<high="2">,<low="0.5">,<close="1.5">,<volume="7">,<closes_at=1795395599999>,<quote_volume="8">,<trades=9>,<taker_base_volume="1">,<taker_quote_volume="2">,"0"]`, nil},
	{"binance/tickers", "x.json", "[%s]", ",",
		`{"symbol":<symbol="S#">,"closeTime":<observed_at=1795392000000>,"openTime":<opens_at=1795305600000>,"lastPrice":<last_price="1">,"openPrice":<open_price="1">,"highPrice":<high_price="2">,"lowPrice":<low_price="1">,"weightedAvgPrice":<weighted_price="1">,"priceChangePercent":<change_percent="-1">,"volume":<volume="3">,"quoteVolume":<quote_volume="3">,"count":<trades=4>}`, nil},
	{"coingecko/markets", "x.json", "[%s]", ",",
		`{"id":<coin_id="c#">,"symbol":<symbol="c">,"name":<name="C">,"current_price":<current_price=1.5>,"market_cap":<market_cap=7>,"market_cap_rank":<market_cap_rank=1>,"total_volume":<total_volume=2>,"high_24h":<high_24h=2>,"low_24h":<low_24h=1>,"price_change_percentage_24h":<change_percent_24h=-3>,"circulating_supply":<circulating_supply=9>,"max_supply":<max_supply=10>,"ath":<ath=5>,"ath_date":<ath_at="2024-03-14T07:10:36.635Z">,"roi":<roi={"times":1.5}>,"last_updated":<observed_at="2026-11-22T16:49:31.736Z">}`, nil},
	{"coingecko/market_chart", "bitcoin_usd_90d.json", `{"prices":[%s]}`, ",", `[<observed_at=171184320000#>,<value=69702.5>]`, nil},
	{"coinpaprika/tickers", "x.json", "[%s]", ",",
		`{"id":<coin_id="c#">,"name":<name="C">,"symbol":<symbol="C">,"rank":<rank=1>,"total_supply":<total_supply=2>,"max_supply":<max_supply=3>,"beta_value":<beta_value=0.5>,"first_data_at":<first_data_at="2010-07-17T00:00:00Z">,"last_updated":<observed_at="2026-11-22T15:55:02Z">,"quotes":{"USD":{"price":<price_usd=1.5>,"volume_24h":<volume_usd_24h=2>,"market_cap":<market_cap_usd=3>,"percent_change_24h":<change_percent_24h=-2>,"ath_price":<ath_usd=9>,"ath_date":<ath_at="2024-03-14T07:07:13Z">}}}`, nil},
	{"kraken/ohlc", "x.json", `{"error":[],"result":{"XXBTZUSD":[%s],"last":1}}`, ",",
		`[<observed_at=179539206#>,<open="1">,<high="2">,<low="0.5">,<close="1.5">,<vwap="1">,<volume="2">,<trades=3>]`, []string{"interval", "1"}},
	{"usgs/earthquakes", "x.json", `{"type":"FeatureCollection","metadata":{"generated":1795420700000},"features":[%s]}`, ",",
		`{"id":<event_id="e#">,"properties":{"time":<observed_at=1795419000250>,"updated":<updated_at=1795419200120>,"mag":<magnitude=1.5>,"magType":<magnitude_type="md">,"place":<place="P">,"type":<kind="earthquake">,"status":<status="automatic">,"tsunami":<tsunami=0>,"sig":<significance=20>},"geometry":{"coordinates":[<longitude=-155.5>,<latitude=19.25>,<depth_km=2.5>]}}`, nil},
	{"github/events", "x.ndjson", "%s", "\n",
		`{"id":<event_id="#">,"type":<kind="PushEvent">,"actor":{"id":<actor_id=1>,"login":<actor="a">},"repo":{"id":<repo_id=2>,"name":<repo="b/c">},"org":{"login":<org="o">},"public":<public=true>,"payload":<payload={"a":1}>,"created_at":<observed_at="2026-11-22T07:44:10Z">}`, nil},
}

var marked = regexp.MustCompile(`<([a-z0-9_]+)=((?:[^<>"]|"[^"]*")*)>`)

// object has two good rows and one between them whose column has dirt.
func (m mold) object(column, dirt string) []byte {
	row := func(n int, dirty bool) string {
		text := marked.ReplaceAllStringFunc(m.row, func(field string) string {
			parts := marked.FindStringSubmatch(field)
			if dirty && parts[1] == column {
				return dirt
			}
			return parts[2]
		})
		return strings.ReplaceAll(text, "#", fmt.Sprint(n))
	}
	return fmt.Appendf(nil, m.frame, strings.Join([]string{row(1, false), row(2, true), row(3, false)}, m.between))
}

// refusedKinds are kinds of dirt that a field must not take.
func refusedKinds(f silver.Field, outside bool) (kinds []string) {
	switch f.Type {
	case silver.Decimal, silver.Double:
		kinds = []string{`"abc"`, `"NaN"`, `""`, `"1,000"`, `"0x10"`, `true`, `[1]`, `{"a":1}`, `1e400`}
	case silver.Integer, silver.Long:
		kinds = []string{`"abc"`, `""`, `true`, `[1]`, `{"a":1}`, `1.5`, `99999999999999999999`}
	case silver.Time:
		kinds = []string{`"soon"`, `"11/14/2023"`, `true`, `[1]`, `{"a":1}`, `99999999999999999999`}
	case silver.Boolean:
		kinds = []string{`"perhaps"`, `7`, `[true]`}
	}
	if f.Least != nil && strings.HasPrefix(f.Least.Text, "-") {
		kinds = append(kinds, `-1000`)
	} else if f.NonNegative || f.Least != nil {
		kinds = append(kinds, `-1`, `"-0.5"`)
	}
	if f.Most != nil {
		kinds = append(kinds, `1000000`)
	}
	if f.Required && !outside {
		kinds = append(kinds, `null`)
		if f.Type == silver.Text {
			kinds = append(kinds, `7`, `["a"]`, `"\ud800"`)
		}
	}
	return kinds
}

// Dirt of every kind in every field of every ready-made dataset is refused by the field's name, with a reason; the rows beside it
// arrive as they are. What only describes is kept as it came.
func TestDirtInAnyFieldOfAReadyFileTakesNoNeighbourAlong(t *testing.T) {
	tried := 0
	for _, m := range molds {
		d := ready(t, m.dataset)
		decode := func(t *testing.T, column, dirt string) *silvertest.Sink {
			t.Helper()
			s, err := silvertest.Decode(t, d, silvertest.Source(d, m.file, m.meta...), m.object(column, dirt))
			if err != nil {
				t.Fatalf("%s, %s = %s: %v", m.dataset, column, dirt, err)
			}
			return s
		}
		clean := decode(t, "", "")
		if len(clean.Good) != 3 || len(clean.Refused) != 0 {
			t.Fatalf("%s without dirt: %d rows, refused %v", m.dataset, len(clean.Good), clean.Refused)
		}
		neighbours := func(s *silvertest.Sink) bool {
			n := len(s.Good)
			return n >= 2 && maps.Equal(s.Good[0], clean.Good[0]) && maps.Equal(s.Good[n-1], clean.Good[2])
		}
		seen := map[string]bool{}
		for _, parts := range marked.FindAllStringSubmatch(m.row, -1) {
			seen[parts[1]] = true
		}
		for _, f := range d.Fields {
			if !seen[f.Column] {
				if f.Metadata == "" && !f.ListName && f.Envelope == "" {
					t.Errorf("%s: no dirt is tried in %s", m.dataset, f.Column)
				}
				continue
			}
			for _, dirt := range refusedKinds(f, f.Default != "") {
				tried++
				s := decode(t, f.Column, dirt)
				if len(s.Good) != 2 || len(s.Refused) != 1 || !neighbours(s) {
					t.Errorf("%s, %s = %s: %d rows, refused %v", m.dataset, f.Column, dirt, len(s.Good), s.Refused)
				} else if r := s.Refused[0]; r["field"] == "" && dirt != `"\ud800"` || r["reason"] == "" || r["source_row"] != "1" {
					t.Errorf("%s, %s = %s is refused as %v", m.dataset, f.Column, dirt, r)
				}
			}
			if f.Type != silver.Text || f.Required {
				continue
			}
			tried++
			s := decode(t, f.Column, `{"not":["a text"]}`)
			if !neighbours(s) || len(s.Good) == 3 && (s.Good[1][f.Column] != "" || !strings.Contains(s.Good[1]["extra"], `{"not":["a text"]}`)) || len(s.Good) == 2 && len(s.Refused) != 1 {
				t.Errorf("%s, %s is no text: %v, refused %v", m.dataset, f.Column, s.Good, s.Refused)
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d kinds of dirt were tried", tried)
	}
	t.Logf("%d kinds of dirt", tried)
}
