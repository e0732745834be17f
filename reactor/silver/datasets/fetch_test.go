package datasets_test

import (
	"strings"
	"testing"

	"millrace/ingestor/bronze"
	"millrace/ingestor/recipe"
	"millrace/reactor/silver/datasets"
)

// Each file that is brought along can be fetched: its objects get names and metadata that its own fields read.
func TestReadyFilesCanBeFetched(t *testing.T) {
	all, err := datasets.Ready()
	if err != nil {
		t.Fatal(err)
	}
	day, err := bronze.ParseDay("2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]string{
		"binance/klines":         "https://api.binance.com/api/v3/klines?endTime=1795478399999&interval=1h&limit=1000&startTime=1795392000000&symbol=BTCUSDT",
		"coingecko/market_chart": "https://api.coingecko.com/api/v3/coins/bitcoin/market_chart/range?from=1795392000&to=1795478399&vs_currency=usd",
		"github/events":          "https://data.gharchive.org/2026-11-23-0.json.gz",
		"kraken/ohlc":            "https://api.kraken.com/0/public/OHLC?interval=60&pair=XBTUSD&since=1795391999",
		"usgs/earthquakes":       "https://earthquake.usgs.gov/fdsnws/event/1/query?endtime=2026-11-24&format=geojson&orderby=time-asc&starttime=2026-11-23",
	}
	for _, d := range all {
		text, err := datasets.Text(d.Name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := recipe.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		v := recipe.Values{Day: day}
		if len(r.Items) > 0 {
			v.Item = r.Items[0]
		}
		key := r.Place(v, r.Format).Key(day, text)
		if err := key.Validate(); err != nil || key.Source+"/"+key.Dataset != d.Name {
			t.Errorf("%s: %s, %v", d.Name, key, err)
		}
		if d.NamePattern != nil && !d.NamePattern.MatchString(key.Name) {
			t.Errorf("%s: the name %s does not match %s", d.Name, key.Name, d.NamePattern)
		}
		about := r.About(v)
		for _, f := range d.Fields {
			if f.Metadata != "" && about[f.Metadata] == "" {
				t.Errorf("%s: %s is read from the metadata %s, which a fetch does not give", d.Name, f.Column, f.Metadata)
			}
		}
		if address, err := r.Address(v); err != nil || addresses[d.Name] != "" && address.String() != addresses[d.Name] {
			t.Errorf("%s: %s, %v", d.Name, address, err)
		}
	}
}

// The ingestor counts the rows that the reactor finds.
func TestAFetchCountsTheRowsThatTheReactorFinds(t *testing.T) {
	for _, a := range answers {
		text, err := datasets.Text(a.dataset)
		if err != nil {
			t.Fatal(err)
		}
		r, err := recipe.Parse(text)
		if err != nil || !strings.HasSuffix(a.file, ".json") {
			continue
		}
		n, err := r.Rows.Count([]byte(a.body))
		switch want := a.good + len(a.refused); {
		case a.unreadable == "" && (err != nil || n != want):
			t.Errorf("%s %s: %d rows, %v; the reactor finds %d", a.dataset, a.file, n, err, want)
		case strings.Contains(a.unreadable, "belongs") && err == nil:
			t.Errorf("%s: %s is taken, with %d rows", a.dataset, a.body, n)
		}
	}
}
