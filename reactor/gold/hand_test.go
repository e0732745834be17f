package gold

import (
	"fmt"
	"math"
	"testing"
	"time"

	"millrace/reactor/duck"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

// rowsOf computes gold from the samples and returns one table's rows by "asset day", or by day.
func rowsOf(t *testing.T, samples []sample, table string) map[string]map[string]any {
	t.Helper()
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	load(t, c, samples)
	computeAll(t, s, c, span(samples))
	out := map[string]map[string]any{}
	for _, r := range relation(t, c, "from gold."+table) {
		key := r["day"].(string)
		if a, ok := r["asset_id"]; ok {
			key = a.(string) + " " + key
		}
		out[key] = r
	}
	return out
}

func expectRow(t *testing.T, rows map[string]map[string]any, key string, want map[string]any) {
	t.Helper()
	row, ok := rows[key]
	if !ok {
		t.Errorf("no row %s", key)
		return
	}
	for column, w := range want {
		g := row[column]
		if f, is := w.(float64); is {
			if gf, ok := g.(float64); !ok || math.Abs(gf-f) > 1e-12*max(1, math.Abs(f)) {
				t.Errorf("%s: %s is %v, want %v", key, column, g, w)
			}
		} else if fmt.Sprint(g) != fmt.Sprint(w) {
			t.Errorf("%s: %s is %v, want %v", key, column, g, w)
		}
	}
}

func TestDailySummaryByHand(t *testing.T) {
	rows := rowsOf(t, []sample{
		// Three snapshots come out of order. The last has no price, so it is no sample.
		{asset: "bitcoin", at: at("2024-03-01 12:00"), key: "b", price: "120", cap: "2400", volume: "7"},
		{asset: "bitcoin", at: at("2024-03-01 00:00"), key: "c", price: "100", cap: "2000", volume: "5"},
		{asset: "bitcoin", at: at("2024-03-01 18:00"), key: "a", price: "90", volume: "9"},
		{asset: "bitcoin", at: at("2024-03-01 23:59"), key: "z", cap: "9999"},
		// The day has snapshots, so its history is not used.
		{asset: "bitcoin", interval: "d1", at: at("2024-03-01 00:00"), key: "h", price: "1"},
		// No snapshot has a price, so the finest interval counts: h1 before d1.
		{asset: "bitcoin", at: at("2024-03-02 05:00"), key: "n", cap: "1"},
		{asset: "bitcoin", interval: "d1", at: at("2024-03-02 00:00"), key: "h", price: "1"},
		{asset: "bitcoin", interval: "h1", at: at("2024-03-02 01:00"), key: "h", price: "3"},
		{asset: "bitcoin", interval: "h1", at: at("2024-03-02 02:00"), key: "h", price: "4.0000000000000000000000000001"},
		// These are the last microsecond of a UTC day and the first of the next.
		{asset: "ethereum", interval: "d1", at: at("2024-03-02 00:00").Add(-time.Microsecond), key: "h", price: "8"},
		{asset: "ethereum", interval: "d1", at: at("2024-03-02 00:00"), key: "h", price: "9"},
		// The only row has no price, so the day has no row.
		{asset: "ghost", at: at("2024-03-02 00:00"), key: "g"},
	}, "daily_summary")
	expectRow(t, rows, "bitcoin 2024-03-01", map[string]any{
		"open": "100", "high": "120", "low": "90",
		"close":          "90",
		"avg_price":      310.0 / 3, // (100 + 120 + 90) / 3
		"market_cap_usd": nil,       // the last sample has none; the 2,400 before it does not count
		"volume_usd_24h": "9", "n_samples": 3, "source": "snapshot",
		"first_observed_at": "2024-03-01T00:00:00Z", "last_observed_at": "2024-03-01T18:00:00Z",
	})
	expectRow(t, rows, "bitcoin 2024-03-02", map[string]any{
		"open": "3", "close": "4.0000000000000000000000000001", "high": "4.0000000000000000000000000001", "low": "3",
		"avg_price": 3.5, "n_samples": 2, "source": "history", "market_cap_usd": nil, "volume_usd_24h": nil,
	})
	expectRow(t, rows, "ethereum 2024-03-01", map[string]any{"close": "8", "n_samples": 1})
	expectRow(t, rows, "ethereum 2024-03-02", map[string]any{"close": "9", "n_samples": 1})
	if len(rows) != 4 {
		t.Errorf("%d rows, want 4: %v", len(rows), rows)
	}
}

func TestRollingAveragesByHand(t *testing.T) {
	var samples []sample
	// Asset a has 1, 2, 3 … 40 on forty days in a row, a hole of one day, then 20. Asset b has a price of 0.
	for i := range 40 {
		samples = append(samples, sample{asset: "a", interval: "d1", at: at("2024-01-01 00:00").AddDate(0, 0, i), key: "h", price: fmt.Sprint(i + 1)})
	}
	samples = append(samples,
		sample{asset: "a", interval: "d1", at: at("2024-02-11 00:00"), key: "h", price: "20"},
		sample{asset: "b", interval: "d1", at: at("2024-01-01 00:00"), key: "h", price: "0"},
		sample{asset: "b", interval: "d1", at: at("2024-01-02 00:00"), key: "h", price: "5"})
	rows := rowsOf(t, samples, "rolling_averages")
	expectRow(t, rows, "a 2024-01-01", map[string]any{"n_obs_7": 1, "n_obs_30": 1, "n_obs_90": 1, "sma_7": nil, "return_1d": nil, "volatility_30d": nil, "drawdown": 0.0})
	expectRow(t, rows, "a 2024-01-06", map[string]any{"n_obs_7": 6, "sma_7": nil, "return_1d": 6.0/5 - 1})
	expectRow(t, rows, "a 2024-01-07", map[string]any{
		"n_obs_7": 7, "sma_7": 4.0, // (1 + … + 7) / 7
		"return_1d": 7.0/6 - 1, "return_7d": nil,
	})
	expectRow(t, rows, "a 2024-01-08", map[string]any{"sma_7": 5.0, "return_7d": 7.0}) // 8 / 1 − 1
	expectRow(t, rows, "a 2024-01-30", map[string]any{
		"sma_30": 15.5, "n_obs_30": 30, "sma_90": nil, // (1 + … + 30) / 30
		"return_30d": nil, "volatility_30d": nil, // the first return needs a day before
	})
	// The expected value is the sample deviation of ln(2/1), ln(3/2) … ln(31/30); their mean is ln(31) / 30.
	mean, squares := math.Log(31)/30, 0.0
	for i := 1.0; i <= 30; i++ {
		d := math.Log((i+1)/i) - mean
		squares += d * d
	}
	expectRow(t, rows, "a 2024-01-31", map[string]any{"return_30d": 30.0, "volatility_30d": math.Sqrt(squares/29) * math.Sqrt(365)})
	expectRow(t, rows, "a 2024-02-11", map[string]any{
		"n_obs_7": 6, "sma_7": nil, "return_1d": nil, "volatility_30d": nil,
		"return_7d": 20.0/35 - 1, // 2024-02-04 is the 35th day
		"drawdown":  20.0/40 - 1,
	})
	expectRow(t, rows, "b 2024-01-01", map[string]any{"drawdown": nil})                // the highest price so far is 0
	expectRow(t, rows, "b 2024-01-02", map[string]any{"return_1d": nil, "n_obs_7": 2}) // 5 / 0
}

func TestDrawdownLooksBackAYearAndNoFurther(t *testing.T) {
	var samples []sample
	for day, price := range map[int]string{0: "100", 1: "80", 364: "40", 365: "40", 366: "40"} {
		samples = append(samples, sample{asset: "a", interval: "d1", at: at("2023-01-01 00:00").AddDate(0, 0, day), key: "h", price: price})
	}
	rows := rowsOf(t, samples, "rolling_averages")
	expectRow(t, rows, "a 2023-12-31", map[string]any{"drawdown": -0.6}) // day 364: the 100 of day 0 is the 365th day
	expectRow(t, rows, "a 2024-01-01", map[string]any{"drawdown": -0.5}) // day 365: 80 is the highest left
	expectRow(t, rows, "a 2024-01-02", map[string]any{"drawdown": 0.0})
}

func TestRankingsAndMarketSummaryByHand(t *testing.T) {
	snap := func(asset, day, price, cap, volume string) sample {
		return sample{asset: asset, at: at(day + " 00:00"), key: "s", price: price, cap: cap, volume: volume}
	}
	samples := []sample{
		snap("a", "2024-01-01", "10", "600", "1"), snap("b", "2024-01-01", "10", "300", "2"), snap("c", "2024-01-01", "10", "100", ""), snap("d", "2024-01-01", "10", "", "4"),
		// c overtakes b; a and e tie and are ordered by name; d is missing.
		snap("a", "2024-01-02", "9", "400", "1"), snap("b", "2024-01-02", "12", "50", ""), snap("c", "2024-01-02", "12", "150", ""), snap("e", "2024-01-02", "1", "400", ""),
		// This day is a week after the first and has no day before it. No asset has a cap.
		snap("a", "2024-01-08", "10", "", ""), snap("b", "2024-01-08", "10", "", ""),
		// All caps are 0.
		snap("a", "2024-01-20", "10", "0", ""),
	}
	rows := rowsOf(t, samples, "rankings")
	// total 1,000
	expectRow(t, rows, "a 2024-01-01", map[string]any{"rank": 1, "rank_change_1d": nil, "dominance_pct": 60.0, "cumulative_pct": 60.0})
	expectRow(t, rows, "b 2024-01-01", map[string]any{"rank": 2, "dominance_pct": 30.0, "cumulative_pct": 90.0})
	expectRow(t, rows, "c 2024-01-01", map[string]any{"rank": 3, "dominance_pct": 10.0, "cumulative_pct": 100.0})
	expectRow(t, rows, "d 2024-01-01", map[string]any{"rank": 4, "dominance_pct": nil, "cumulative_pct": nil, "market_cap_usd": nil})
	expectRow(t, rows, "a 2024-01-02", map[string]any{"rank": 1, "rank_change_1d": 0, "rank_change_7d": nil, "dominance_pct": 40.0})
	expectRow(t, rows, "e 2024-01-02", map[string]any{"rank": 2, "rank_change_1d": nil, "cumulative_pct": 80.0})
	expectRow(t, rows, "c 2024-01-02", map[string]any{"rank": 3, "rank_change_1d": 0, "dominance_pct": 15.0})
	expectRow(t, rows, "b 2024-01-02", map[string]any{"rank": 4, "rank_change_1d": -2, "cumulative_pct": 100.0}) // 2 − 4: it fell
	// Without a cap the name decides the rank, and rank changes are null.
	expectRow(t, rows, "b 2024-01-08", map[string]any{"rank": 2, "rank_change_7d": nil, "rank_change_1d": nil, "dominance_pct": nil})
	expectRow(t, rows, "a 2024-01-20", map[string]any{"rank": 1, "dominance_pct": nil, "cumulative_pct": nil})

	market := rowsOf(t, samples, "market_summary")
	expectRow(t, market, "2024-01-01", map[string]any{
		"n_assets": 4, "total_market_cap_usd": "1000", "total_volume_usd": "7",
		"hhi":       4600.0, // 60² + 30² + 10²
		"advancers": 0, "decliners": 0, "top_gainer": nil, "top_loser": nil,
	})
	expectRow(t, market, "2024-01-02", map[string]any{
		"n_assets": 4, "hhi": 3450.0, // 40² + 40² + 15² + 5²
		"advancers": 2, "decliners": 1, // b and c rose by a fifth, a fell by a tenth, e was missing
		"top_gainer": "b", "top_loser": "a", // b and c tie; the name decides
	})
	expectRow(t, market, "2024-01-08", map[string]any{"n_assets": 2, "total_market_cap_usd": nil, "hhi": nil, "top_gainer": nil})
	expectRow(t, market, "2024-01-20", map[string]any{"total_market_cap_usd": "0", "hhi": nil})
}

// One absurd number that silver accepts must not stop gold.
func TestTheGreatestAndLeastValuesThatSilverTakes(t *testing.T) {
	const price, amount = "9999999999.9999999999999999999999999999", "999999999999999.999999999999999999"
	var samples []sample
	for d := range 95 {
		for hour := range 4 {
			samples = append(samples, sample{asset: "dear", at: at("2024-01-01 00:00").AddDate(0, 0, d).Add(time.Duration(hour) * time.Hour), key: "s", price: price, cap: amount, volume: amount})
		}
		samples = append(samples, sample{asset: "dust", at: at("2024-01-01 00:00").AddDate(0, 0, d), key: "s", price: "0.0000000000000000000000000001", cap: "0.000000000000000001", volume: "0"})
	}
	rows := rowsOf(t, samples, "rolling_averages")
	expectRow(t, rows, "dear 2024-03-31", map[string]any{"sma_90": 1e10, "return_30d": 0.0, "volatility_30d": 0.0, "drawdown": 0.0})
	expectRow(t, rows, "dust 2024-03-31", map[string]any{"n_obs_90": 90, "sma_90": 0.0, "return_1d": 0.0, "drawdown": 0.0}) // below 26 decimals an average is 0
}
