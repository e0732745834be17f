package datasets_test

import (
	"fmt"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/silver/silvertest"
)

// ready is a dataset that the program brings along and does not use.
func ready(t *testing.T, name string) *silver.Dataset {
	t.Helper()
	all, err := datasets.Ready()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no file for %s is brought along", name)
	return nil
}

// Nobody has to rename a table to use two of the files, or one beside those of the program.
func TestReadyFilesCanBeUsedTogether(t *testing.T) {
	all, err := datasets.Ready()
	if err != nil || len(all) < 8 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	names, tables := map[string]bool{}, map[string]bool{}
	for _, d := range append(all, datasets.All()...) {
		if names[d.Name] || tables[d.Table] {
			t.Errorf("%s, table %s: one of them is there twice", d.Name, d.Table)
		}
		names[d.Name], tables[d.Table] = true, true
		if text, err := datasets.Text(d.Name); err != nil || !strings.Contains(string(text), "name: "+d.Name) {
			t.Errorf("the file of %s: %v", d.Name, err)
		}
	}
	if _, err := datasets.Text("nobody/nothing"); err == nil {
		t.Error("there is a file of nobody/nothing")
	}
}

// answer is a response in the form that its API documents, written by hand from the documentation: it is not a recorded one. rows are
// what the row at that place must hold, worked out by hand; refused are field and reason of the rows that are dirt.
type answer struct {
	dataset, file string
	meta          []string
	body          string
	good          int
	rows          map[int]silvertest.Row
	refused       []string
	unreadable    string
}

const (
	binanceCandles = `[
 [1795392000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1795395599999,"2434.19055334",308,"1756.87402397","28.46694368","0"],
 [1795395600000,"0.01577100","0.02","0.0157","0.0199","1.5",1795399199999,"0.02",2,"1","0.01","0"],
 [1795399200000,"-1","0.02","0.0157","0.0199","1.5",1795402799999,"0.02",2,"1","0.01","0"],
 [1795399200,"1","2","1","2","1.5",1795402799999,"0.02",2,"1","0.01","0"],
 ["soon","1","2","1","2","1.5",1795402799999,"0.02",2,"1","0.01","0"],
 [1795402800000,"1","2","1",null,"1.5",1795406399999,"0.02",2,"1","0.01","0"],
 [1795402800000,"1","2"],
 {"openTime":1795402800000},
 [1795406400000,"1","2","1","2","1.5",1795409999999,"0.02",2.5,"1","0.01","0"],
 [1795413600000,"1","2","1","1.00000000000000000049","1.5",1795417199999,"0.02",2,"1","0.01","0","more",[1]]
]`
	binanceTickers = `[{"symbol":"BNBBTC","priceChange":"-94.99999800","priceChangePercent":"-95.960","weightedAvgPrice":"0.29628482","prevClosePrice":"0.10002000","lastPrice":"4.00000200",
 "lastQty":"200.00000000","bidPrice":"4.00000000","askPrice":"4.00000200","openPrice":"99.00000000","highPrice":"100.00000000","lowPrice":"0.10000000","volume":"8913.30000000",
 "quoteVolume":"15.30000000","openTime":1795334399000,"closeTime":1795420799000,"firstId":28385,"lastId":28460,"count":76},{"symbol":"ETHBTC","lastPrice":"0.05","closeTime":1795420799000},
 {"symbol":"","lastPrice":"1","closeTime":1795420799000},{"symbol":"X","lastPrice":"NaN","closeTime":1795420799000},{"symbol":"Y","closeTime":1795420799000,"lastPrice":"1","count":-1}]`
	coingeckoMarkets = `[{"id":"bitcoin","symbol":"btc","name":"Bitcoin","image":"https://assets.coingecko.com/coins/images/1/large/bitcoin.png?1547033579","current_price":70187,
 "market_cap":1381651251183,"market_cap_rank":1,"fully_diluted_valuation":1474623675796,"total_volume":20154184933,"high_24h":70215,"low_24h":68060,"price_change_24h":2126.88,
 "price_change_percentage_24h":3.12502,"circulating_supply":19675987.0,"total_supply":21000000.0,"max_supply":21000000.0,"ath":73738,"ath_change_percentage":-4.77063,
 "ath_date":"2024-03-14T07:10:36.635Z","atl":67.81,"atl_date":"2013-07-06T00:00:00.000Z","roi":null,"last_updated":"2026-11-22T16:49:31.736Z"},
 {"id":"ethereum","symbol":"eth","name":"Ethereum","current_price":3452.82,"roi":{"times":46.123,"currency":"btc","percentage":4612.34},"max_supply":null,"last_updated":"2026-11-22T16:49:30.000Z"},
 {"id":"gone","last_updated":null},{"id":"cheap","current_price":1.1e-7,"last_updated":"2026-11-22T16:49:30Z"},{"id":"wrong","current_price":"a lot","last_updated":"2026-11-22T16:49:30Z"},
 {"id":"odd","roi":{"times":"many"},"last_updated":"2026-11-22T16:49:30Z"}]`
	coingeckoChart = `{"prices":[[1711843200000,69702.3087473573],[1711929600000,71246.9514406015]],"market_caps":[[1711843200000,1370247487960.09],[1711929600000,null]],
 "total_volumes":[[1711843200000,16408802301.8374],["x",1],[1711929600000,-5]]}`
	coinpaprikaTickers = `[{"id":"btc-bitcoin","name":"Bitcoin","symbol":"BTC","rank":1,"total_supply":19687443,"max_supply":21000000,"beta_value":0.997291,"first_data_at":"2010-07-17T00:00:00Z",
 "last_updated":"2026-11-22T15:55:02Z","quotes":{"USD":{"price":66298.18,"volume_24h":37235.5,"volume_24h_change_24h":-7.2,"market_cap":1305221,"percent_change_24h":-2.16,"ath_price":73798.08,
 "ath_date":"2024-03-14T07:07:13Z"},"BTC":{"price":1}}},{"id":"eth-ethereum","last_updated":"2026-11-22T15:55:02Z","quotes":{}},{"id":"x","last_updated":"2026-11-22T15:55:02Z","quotes":"none"},
 {"id":"y","last_updated":"2026-11-22T15:55:02Z","quotes":{"USD":{"price":1}},"quotes":{"USD":{"price":2}}}]`
	krakenCandles = `{"error":[],"result":{"XXBTZUSD":[[1795392000,"30306.1","30306.2","30305.7","30305.7","30306.1","3.39243896",23],
 [1795392060,"30305.7","30305.7","30304.0","30305.7","30305.0","12.5",74],[1795392060000,"1","1","1","1","1","1",1],[1795392120,"1","1"],[true,"1","1","1","1","1","1",1]],"last":1795392000}}`
	usgsQuakes = `{"type":"FeatureCollection","metadata":{"generated":1795420700000,"url":"https://earthquake.usgs.gov/earthquakes/feed/v1.0/summary/all_day.geojson","title":"USGS All Earthquakes, Past Day","status":200,"api":"1.10.3","count":5},
 "features":[{"type":"Feature","properties":{"mag":1.13,"place":"7 km SW of Volcano, Hawaii","time":1795419000250,"updated":1795419200120,"tz":null,"url":"https://earthquake.usgs.gov/earthquakes/eventpage/hv74103036",
 "felt":null,"alert":null,"status":"automatic","tsunami":0,"sig":20,"net":"hv","magType":"md","type":"earthquake","title":"M 1.1"},"geometry":{"type":"Point","coordinates":[-155.289001464844,19.3731670379639,2.47000002861023]},"id":"hv74103036"},
 {"type":"Feature","properties":{"mag":null,"time":-1000,"status":"reviewed","type":"quarry blast"},"geometry":{"type":"Point","coordinates":[181,19.3,2]},"id":"a"},
 {"type":"Feature","properties":{"mag":5.5,"time":-1000,"status":"reviewed","type":"earthquake"},"geometry":null,"id":"b"},
 {"type":"Feature","properties":{"time":1795419000250,"tsunami":2},"geometry":{"type":"Point","coordinates":[0,0,0]},"id":"c"},
 {"type":"Feature","properties":null,"geometry":null,"id":"d"}],"bbox":[-179,-59,-1,179,66,600]}`
	githubEvents = `{"id":"22249084947","type":"PushEvent","actor":{"id":583231,"login":"octocat","display_login":"octocat","gravatar_id":"","url":"https://api.github.com/users/octocat"},"repo":{"id":1296269,"name":"octocat/Hello-World","url":"https://api.github.com/repos/octocat/Hello-World"},"payload":{"push_id":10115855396, "size":1,"ref":"refs/heads/master"},"public":true,"created_at":"2026-11-22T07:44:10Z"}
{"id":"2","type":"WatchEvent","actor":{"id":1,"login":"a"},"repo":{"id":2,"name":"b/c"},"payload":{"action":"started"},"public":true,"created_at":"2026-11-22T07:44:11Z","org":{"id":9,"login":"o"}}
{"id":"3","type":"WatchEvent","public":"perhaps","created_at":"2026-11-22T07:44:11Z"}
{"id":"4","type":"WatchEvent","actor":"a","created_at":"2026-11-22T07:44:11Z"}
{"id":"5","type":"WatchEvent","created_at":"22 November"}
{"id":"6","type":"Wat`
)

var answers = []answer{
	{dataset: "binance/klines", file: "BTCUSDT_1h_x.json", body: binanceCandles, good: 3,
		rows: map[int]silvertest.Row{
			0: {"symbol": "BTCUSDT", "candle": "1h", "observed_at": "2026-11-23T00:00:00Z", "open": "0.0163479", "high": "0.8", "low": "0.015758", "close": "0.015771", "volume": "148976.11427815",
				"closes_at": "2026-11-23T00:59:59.999Z", "quote_volume": "2434.19055334", "trades": "308", "taker_quote_volume": "28.46694368", "extra": `{"[11]":"0"}`},
			1: {"observed_at": "2026-11-23T01:00:00Z", "close": "0.0199"},
			2: {"observed_at": "2026-11-23T06:00:00Z", "close": "1", "extra": `{"[11]":"0","[12]":"more","[13]":[1],"[4]":"1.00000000000000000049"}`},
		},
		refused: []string{
			`[1]: "-1" is negative`,
			`[0]: "1795399200" (1970-01-21T18:43:19Z) is before 2017-07-01; it looks like seconds (2026-11-23T02:00:00Z): epoch milliseconds are expected`,
			`[0]: "soon" is no time: epoch milliseconds or RFC 3339 are expected`, `[4]: is null`, `[3]: is missing`,
			`[0]: is missing`, `[8]: "2.5" is not a whole number`,
		}},
	{dataset: "binance/klines", file: "x.json", body: `[[1795392000000,"1","1","1","1"]]`, unreadable: "symbol is nowhere"},
	{dataset: "binance/klines", file: "BTCUSDT_1h_x.json", body: `{"code":-1121,"msg":"Invalid symbol."}`, unreadable: `it is an object where a list belongs: "{\"code\":-1121`},
	{dataset: "binance/tickers", file: "x.json", body: binanceTickers, good: 2,
		rows: map[int]silvertest.Row{0: {"symbol": "BNBBTC", "observed_at": "2026-11-23T07:59:59Z", "opens_at": "2026-11-22T07:59:59Z", "last_price": "4.000002", "open_price": "99", "high_price": "100",
			"weighted_price": "0.29628482", "change_percent": "-95.96", "volume": "8913.3", "trades": "76"}},
		refused: []string{"symbol: is empty", `lastPrice: "NaN" is not a number`, `count: "-1" is negative`}},
	{dataset: "binance/tickers", file: "x.json", body: `{"symbol":"A","lastPrice":"1","closeTime":1795420799000}`, good: 1},
	{dataset: "coingecko/markets", file: "x.json", body: coingeckoMarkets, good: 4,
		rows: map[int]silvertest.Row{
			0: {"coin_id": "bitcoin", "vs_currency": "usd", "observed_at": "2026-11-22T16:49:31.736Z", "current_price": "70187", "market_cap": "1381651251183", "market_cap_rank": "1",
				"change_percent_24h": "3.12502", "circulating_supply": "19675987", "ath": "73738", "ath_at": "2024-03-14T07:10:36.635Z"},
			1: {"coin_id": "ethereum", "roi": `{"currency":"btc","percentage":4612.34,"times":46.123}`, "current_price": "3452.82"},
			2: {"coin_id": "cheap", "current_price": "0.00000011"},
			3: {"coin_id": "odd", "extra": `{"roi":{"times":"many"}}`},
		},
		refused: []string{"last_updated: is null", `current_price: "a lot" is not a number`}},
	{dataset: "coingecko/markets", file: "x.json", meta: []string{"vs-currency", "eur"}, body: `[{"id":"a","last_updated":"2026-11-22T16:49:30Z"}]`, good: 1,
		rows: map[int]silvertest.Row{0: {"vs_currency": "eur"}}},
	{dataset: "coingecko/market_chart", file: "bitcoin_usd_90d.json", body: coingeckoChart, good: 5,
		rows: map[int]silvertest.Row{
			0: {"coin_id": "bitcoin", "vs_currency": "usd", "metric": "prices", "observed_at": "2024-03-31T00:00:00Z", "value": "69702.3087473573"},
			1: {"metric": "prices", "observed_at": "2024-04-01T00:00:00Z", "value": "71246.9514406015"},
			2: {"metric": "market_caps", "value": "1370247487960.09"}, 4: {"metric": "total_volumes", "value": "16408802301.8374"},
		},
		refused: []string{`[0]: "x" is no time: epoch milliseconds or RFC 3339 are expected`, `[1]: "-5" is negative`}},
	{dataset: "coingecko/market_chart", file: "bitcoin_usd_90d.json", body: `{"error":"coin not found"}`, unreadable: `it has no "*": "{\"error\":\"coin not found\"}"`},
	{dataset: "coinpaprika/tickers", file: "x.json", body: coinpaprikaTickers, good: 1,
		rows: map[int]silvertest.Row{0: {"coin_id": "btc-bitcoin", "observed_at": "2026-11-22T15:55:02Z", "rank": "1", "total_supply": "19687443", "beta_value": "0.997291", "first_data_at": "2010-07-17T00:00:00Z",
			"price_usd": "66298.18", "volume_usd_24h": "37235.5", "market_cap_usd": "1305221", "ath_at": "2024-03-14T07:07:13Z", "extra": `{"quotes.BTC":{"price":1},"quotes.USD.volume_24h_change_24h":-7.2}`}},
		refused: []string{"quotes.USD.price: is missing", "quotes: is a string, not an object", "quotes: the row has it twice, and which one is meant cannot be known"}},
	{dataset: "kraken/ohlc", file: "x.json", meta: []string{"interval", "1"}, body: krakenCandles, good: 2,
		rows: map[int]silvertest.Row{
			0: {"pair": "XXBTZUSD", "candle_minutes": "1", "observed_at": "2026-11-23T00:00:00Z", "open": "30306.1", "high": "30306.2", "low": "30305.7", "close": "30305.7", "vwap": "30306.1", "volume": "3.39243896", "trades": "23"},
			1: {"observed_at": "2026-11-23T00:01:00Z", "low": "30304", "trades": "74"},
		},
		refused: []string{`[0]: "1795392060000" (58863-09-16T16:40:00Z) is more than 24 hours after the object was stored; it looks like milliseconds (2026-11-23T00:01:00Z): epoch seconds are expected`, "[3]: is missing", "[0]: is a boolean, not a time"}},
	{dataset: "kraken/ohlc", file: "x.json", body: `{"error":["EQuery:Unknown asset pair"]}`, unreadable: `it has no "result.*"`},
	{dataset: "usgs/earthquakes", file: "x.json", body: usgsQuakes, good: 2,
		rows: map[int]silvertest.Row{
			0: {"event_id": "hv74103036", "observed_at": "2026-11-23T07:30:00.25Z", "updated_at": "2026-11-23T07:33:20.12Z", "generated_at": "2026-11-23T07:58:20Z", "magnitude": "1.13", "magnitude_type": "md",
				"place": "7 km SW of Volcano, Hawaii", "tsunami": "0", "significance": "20", "longitude": "-155.289001464844", "latitude": "19.3731670379639", "depth_km": "2.47000002861023"},
			1: {"event_id": "b", "observed_at": "1969-12-31T23:59:59Z", "magnitude": "5.5"},
		},
		refused: []string{`geometry.coordinates[0]: "181" is more than 180`, `properties.tsunami: "2" is more than 1`, "properties.time: is missing"}},
	{dataset: "github/events", file: "2026-11-22-7.ndjson", body: githubEvents, good: 2,
		rows: map[int]silvertest.Row{
			0: {"event_id": "22249084947", "kind": "PushEvent", "observed_at": "2026-11-22T07:44:10Z", "actor_id": "583231", "actor": "octocat", "repo_id": "1296269", "repo": "octocat/Hello-World", "public": "true",
				"payload": `{"push_id":10115855396,"size":1,"ref":"refs/heads/master"}`},
			1: {"org": "o", "repo": "b/c", "payload": `{"action":"started"}`},
		},
		refused: []string{`public: "perhaps" is neither true nor false`, "actor: is a string, not an object", `created_at: "22 November" is no time`, ": not valid JSON"}},
}

func TestReadyFilesOnAnswersInTheDocumentedForm(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range answers {
		seen[a.dataset] = true
		t.Run(a.dataset+" "+a.file, func(t *testing.T) { a.check(t, ready(t, a.dataset)) })
	}
	all, err := datasets.Ready()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if !seen[d.Name] {
			t.Errorf("no answer is tried on %s", d.Name)
		}
	}
}

func (a answer) check(t *testing.T, d *silver.Dataset) {
	s, err := silvertest.Decode(t, d, silvertest.Source(d, a.file, a.meta...), []byte(a.body))
	if a.unreadable != "" {
		if err == nil || !strings.HasPrefix(err.Error(), "unreadable object: "+a.unreadable) {
			t.Errorf("%v; want unreadable object: %s", err, a.unreadable)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Good) != a.good || len(s.Refused) != len(a.refused) {
		t.Errorf("%d rows and %d refused, want %d and %d: %v", len(s.Good), len(s.Refused), a.good, len(a.refused), s.Refused)
	}
	for i, want := range a.rows {
		if i >= len(s.Good) {
			t.Errorf("row %d is not there", i)
			continue
		}
		for column, value := range want {
			if got := s.Good[i][column]; got != value {
				t.Errorf("row %d: %s is %s, want %s", i, column, got, value)
			}
		}
	}
	for i, want := range a.refused {
		if i < len(s.Refused) {
			if got := fmt.Sprintf("%s: %s", s.Refused[i]["field"], s.Refused[i]["reason"]); !strings.HasPrefix(got, want) {
				t.Errorf("refused row %d: %s; want %s", i, got, want)
			}
		}
	}
}
