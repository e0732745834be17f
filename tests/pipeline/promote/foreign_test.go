package promote_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// parquet holds one asset, all columns text as the API has them but for the time.
func parquet(t testing.TB, at time.Time, id, price, marketCap string) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "timestamp", Type: arrow.FixedWidthTypes.Timestamp_ms},
		{Name: "priceUsd", Type: arrow.BinaryTypes.String}, {Name: "marketCapUsd", Type: arrow.BinaryTypes.String},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append(id)
	b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMilli()))
	b.Field(2).(*array.StringBuilder).Append(price)
	b.Field(3).(*array.StringBuilder).Append(marketCap)
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// quickly is the promise for an object of another client: "within a second". The bound is wider, for a loaded machine.
const quickly = 5 * time.Second

func TestAnObjectOfAnyClientIsInGoldAtOnce(t *testing.T) {
	s := harness.Start(t)
	const cap = "1234567890.123456789012345678"
	envelope := func(at time.Time, id, price string) []byte { return coin.Assets(at, coin.Asset(id, price, cap)) }
	line := func(at time.Time, id, price string) []byte {
		return append(envelope(at, id, price), '\n')
	}
	tests := []struct {
		name, key string
		body      func(at time.Time, id, price string) []byte
	}{
		{"json", coin.AssetsKey("x.json"), envelope},
		{"json-gz", coin.AssetsKey("x.json.gz"), func(at time.Time, id, price string) []byte { return coin.Compressed(t, envelope(at, id, price)) }},
		{"ndjson", coin.AssetsKey("x.ndjson"), line},
		{"ndjson-gz", coin.AssetsKey("x.ndjson.gz"), func(at time.Time, id, price string) []byte { return coin.Compressed(t, line(at, id, price)) }},
		{"parquet", coin.AssetsKey("x.parquet"), func(at time.Time, id, price string) []byte { return parquet(t, at, id, price, cap) }},
		{"odd-key", coin.AssetsKey("a+b c%20é&=?#'日本.json"), envelope},
		{"deep-key", "bronze/coincap/assets/by hand/2025/06/x.json", envelope},
	}
	for i, test := range tests {
		at := coin.Day(time.June, 1+i).Add(12 * time.Hour)
		// 28 decimals, the last of which a float would lose
		price := fmt.Sprintf("%d.1234567890123456789012345671", 100+i)
		s.Put(t, test.key, test.body(at, test.name, price), nil)
		took := s.WaitSteps(t, test.key)[test.key]
		t.Logf("%s: in silver %d ms after the put, in gold %d ms", test.name, took["silver"], took["gold"])
		if took["gold"] > int(quickly.Milliseconds()) || took["silver"] > took["gold"] || took["put"] != 0 {
			t.Errorf("%s: steps %v", test.name, took)
		}
		got := harness.Query[map[string]any](t, s, fmt.Sprintf(`select s.source_key as key, s.price_usd::varchar as price, s.market_cap_usd::varchar as cap, epoch_ms(s.observed_at) as ms,
			d.close::varchar as close, d.day::varchar as day, d.source, r.rank, m.n_assets, a.n_obs_7
			from silver.asset_snapshots s join gold.daily_summary d using (asset_id) join gold.rankings r using (asset_id, day)
			join gold.rolling_averages a using (asset_id, day) join gold.market_summary m using (day) where asset_id = '%s'`, test.name))
		want := map[string]any{"key": test.key, "price": price, "cap": cap, "ms": float64(at.UnixMilli()), "close": price,
			"day": at.Format(time.DateOnly), "source": "snapshot", "rank": 1.0, "n_assets": 1.0, "n_obs_7": 1.0}
		if len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("%s: got %v\nwant %v", test.name, got, want)
		}
	}
	s.CheckEqual(t)
}

// The reactor learns whose history an object holds from its metadata, in upper or lower case, or from its name.
func TestHistoryFindsOutWhoseItIs(t *testing.T) {
	s := harness.Start(t)
	at := coin.Day(time.June, 2)
	puts := map[string]map[string]string{
		coin.HistoryKey("by-metadata.json"):              {"Asset-Id": "by-metadata", "INTERVAL": "d1"},
		coin.HistoryKey("by-name_d1_2025.json"):          nil,
		coin.HistoryKey("other_h1_x.json"):               {"asset-id": "metadata-before-name", "interval": "d1"},
		coin.HistoryKey("deeper/folder/in-a_h12_f.json"): nil,
	}
	var keys []string
	for key, meta := range puts {
		s.Put(t, key, coin.Points(coin.Point(at, "0.0000000000000000000000000001")), meta)
		keys = append(keys, key)
	}
	s.Wait(t, keys...)
	var got []string
	for _, row := range harness.Query[struct {
		AssetID  string `json:"asset_id"`
		Interval string
		Price    json.Number `json:"price_usd"`
	}](t, s, `select asset_id, "interval", price_usd from silver.asset_prices order by all`) {
		got = append(got, row.AssetID+" "+row.Interval+" "+row.Price.String())
	}
	const price = " 0.0000000000000000000000000001"
	want := []string{"by-metadata d1" + price, "by-name d1" + price, "in-a h12" + price, "metadata-before-name d1" + price}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
	s.CheckEqual(t)
}
