package gold

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// The models turn a decimal into a double by list_aggregate([x], 'avg'). It must be as good as the nearest double, and keep the
// order, so that 0 is 0 and the greatest double is that of the greatest decimal.
func TestTheAverageOfOneDecimalIsTheNearestDouble(t *testing.T) {
	c := workplace(t, loaded(t), duck.Config{})
	r := rand.New(rand.NewPCG(1, 2))
	texts := append([]string{"0"}, hardPrices...)
	for range 3000 {
		digits := make([]byte, 38)
		for i := range digits {
			digits[i] = '0'
		}
		for i := range 1 + r.IntN(38) {
			digits[37-i] = byte('0' + r.IntN(10))
		}
		texts = append(texts, string(digits[:10])+"."+string(digits[10:]))
	}
	rows := relation(t, c, "select x::varchar as x, list_aggregate([x], 'avg') as d, list_aggregate([-x], 'avg') as negative from (values ('"+
		strings.Join(texts, "'::decimal(38, 28)), ('")+"'::decimal(38, 28))) v(x) order by v.x")
	before := 0.0
	for _, row := range rows {
		want, got := float(parse(row["x"].(string))), row["d"].(float64)
		if math.Abs(got-want) > math.Nextafter(want, math.Inf(1))-want {
			t.Errorf("%s is %v, want %v", row["x"], got, want)
		}
		if got < before || row["negative"] != -got {
			t.Errorf("%s is %v after %v, and its negative %v", row["x"], got, before, row["negative"])
		}
		before = got
	}
	if len(rows) != len(texts) {
		t.Errorf("%d rows of %d", len(rows), len(texts))
	}
}

// daily are snapshots of one asset on days in a row.
func daily(asset string, prices ...string) (samples []sample) {
	for i, price := range prices {
		samples = append(samples, sample{asset: asset, at: at2024.AddDate(0, 0, i), key: "k", price: price, cap: "1"})
	}
	return samples
}

// A close below the highest by a digit that no double has is below it, and one that is equal to it is not.
func TestDrawdownCountsEveryDigit(t *testing.T) {
	samples := slices.Concat(daily("a", "1", "0.9999999999999999999999999999", "1"), daily("b", "0.9999999999999999999999999999", "1"),
		daily("c", "9999999999.9999999999999999999999999999", "9999999999.9999999999999999999999999998"))
	rows := rowsOf(t, samples, "rolling_averages")
	for key, want := range map[string]float64{"a 2024-06-01": 0, "a 2024-06-02": -1e-28, "a 2024-06-03": 0, "b 2024-06-01": 0, "b 2024-06-02": 0, "c 2024-06-02": -1e-38} {
		if err := relative(rows[key]["drawdown"], want); err != nil {
			t.Errorf("the drawdown of %s is %v", key, err)
		}
	}
}

// A close that rises from 0 has risen, though there is no return.
func TestBreadthComparesCloses(t *testing.T) {
	samples := slices.Concat(daily("a", "0", "5"), daily("b", "3", "0"), daily("c", "0", "0"))
	expectRow(t, rowsOf(t, samples, "market_summary"), "2024-06-02", map[string]any{
		"n_assets": 3, "advancers": 1, "decliners": 1, "top_gainer": "b", "top_loser": "b"})
	expectRow(t, rowsOf(t, samples, "rolling_averages"), "a 2024-06-02", map[string]any{"return_1d": nil})
}

// Small returns of a dear asset: the difference of two logarithms has lost their digits.
func TestVolatilityOfSmallReturns(t *testing.T) {
	prices := []string{"5000000000"}
	for i := range 30 {
		prices = append(prices, "5000000000.000"+string(rune('0'+i%7)))
	}
	want, mean := 0.0, 0.0
	var logs []float64
	for i := range 30 {
		before, after := parse(prices[i]), parse(prices[i+1])
		change := float(new(big.Rat).Sub(after, before)) / float(before)
		logs = append(logs, math.Log1p(change))
		mean += math.Log1p(change) / 30
	}
	for _, l := range logs {
		want += (l - mean) * (l - mean)
	}
	got := rowsOf(t, daily("a", prices...), "rolling_averages")["a 2024-07-01"]["volatility_30d"]
	if err := relative(got, math.Sqrt(want/29)*math.Sqrt(365)); err != nil {
		t.Errorf("volatility_30d is %v", err)
	}
}

// A changed price of long ago reaches a year of drawdowns, but two days of the market, and the changes of rank a week later.
func TestAnOldPriceReachesFewDaysOfTheMarket(t *testing.T) {
	s := loaded(t)
	day := plan.Day(at2024.Unix() / 86400)
	p, err := s.Plan(plan.Change{Changed: map[string]plan.Days{"silver.asset_prices": plan.Only(day)}, Present: allPresent(s, plan.Range{From: day - 100, To: day + 400})})
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Write["gold.rolling_averages"].Len(); n != 365 {
		t.Errorf("%d days of rolling_averages, want 365", n)
	}
	if n := p.Write["gold.market_summary"].Len(); n > 9 {
		t.Errorf("%d days of market_summary are computed", n)
	}
}
