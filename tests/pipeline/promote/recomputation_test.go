package promote_test

import (
	"encoding/csv"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// expected says which rows a query should give, by the values of their key columns.
type expected struct {
	table, sql string
	key        []string
	rows       map[string]expect
}

// compare holds the rows of the query against those that are expected.
func (e expected) compare(t testing.TB, s *harness.Stack) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(s.CSV(t, e.sql))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records)-1 != len(e.rows) {
		t.Errorf("%s has %d rows, want %d", e.table, len(records)-1, len(e.rows))
	}
	shown := 0
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = record[i]
		}
		var parts []string
		for _, k := range e.key {
			parts = append(parts, row[k])
		}
		id := strings.Join(parts, " ")
		want, ok := e.rows[id]
		if !ok {
			t.Errorf("%s: a row that should not be there: %v", e.table, row)
			continue
		}
		for column, w := range want {
			if got, there := row[column]; (!there || !agrees(got, w)) && shown < 20 {
				shown++
				if f, ok := w.(*float64); ok && f != nil {
					w = *f
				}
				t.Errorf("%s %s: %s is %q, want %v", e.table, id, column, got, w)
			}
		}
	}
}

// agree holds every silver and gold table of the lake against the oracle.
func (o *oracle) agree(t testing.TB, s *harness.Stack) {
	t.Helper()
	text := func(r *big.Rat, scale int) any {
		if r == nil {
			return nil
		}
		return decimal(r, scale)
	}
	prices, snapshots := map[string]expect{}, map[string]expect{}
	for k, p := range o.points {
		prices[k.asset+" "+k.interval+" "+big.NewInt(k.ms).String()] = expect{
			"price_usd": decimal(fraction(p.PriceUsd), 28), "circulating_supply": text(optional(p.CirculatingSupply), 18)}
	}
	expected{"silver.asset_prices", `select asset_id, "interval", epoch_ms(observed_at) as ms, price_usd, circulating_supply from silver.asset_prices`, []string{"asset_id", "interval", "ms"}, prices}.compare(t, s)
	for k, r := range o.snapshots {
		plain := func(s *string) any {
			if s == nil {
				return nil
			}
			return *s
		}
		snapshots[k.asset+" "+big.NewInt(k.ms).String()] = expect{
			"price_usd": text(optional(r.PriceUsd), 28), "vwap_24h": text(optional(r.Vwap24Hr), 28), "supply": text(optional(r.Supply), 18),
			"max_supply": text(optional(r.MaxSupply), 18), "market_cap_usd": text(optional(r.MarketCapUsd), 18), "volume_usd_24h": text(optional(r.VolumeUsd24Hr), 18),
			"change_percent_24h": text(optional(r.ChangePercent24Hr), 18), "rank": plain(r.Rank), "symbol": plain(r.Symbol), "name": plain(r.Name), "explorer": plain(r.Explorer)}
	}
	expected{"silver.asset_snapshots", "select *, epoch_ms(observed_at) as ms from silver.asset_snapshots", []string{"asset_id", "ms"}, snapshots}.compare(t, s)

	days := o.summaries()
	daily, averages := map[string]expect{}, map[string]expect{}
	present := map[int64]bool{}
	for d, sum := range days {
		present[d.day] = true
		last := sum.last()
		n := int64(len(sum.samples))
		id := d.asset + " " + dayText(d.day)
		daily[id] = expect{
			"open": decimal(sum.samples[0].price, 28), "high": decimal(sum.high, 28), "low": decimal(sum.low, 28), "close": decimal(last.price, 28),
			"avg_price": double(new(big.Rat).Quo(sum.sum, big.NewRat(n, 1))), "n_samples": n, "source": sum.source,
			"market_cap_usd": text(last.cap, 18), "volume_usd_24h": text(last.volume, 18), "first_ms": sum.samples[0].ms, "last_ms": last.ms}
		r := rollingOf(days, d)
		averages[id] = expect{
			"n_obs_7": r.nObs[0], "n_obs_30": r.nObs[1], "n_obs_90": r.nObs[2], "sma_7": r.sma[0], "sma_30": r.sma[1], "sma_90": r.sma[2],
			"return_1d": r.returns[0], "return_7d": r.returns[1], "return_30d": r.returns[2], "volatility_30d": r.volatility, "drawdown": r.drawdown}
	}
	expected{"gold.daily_summary", "select *, epoch_ms(first_observed_at) as first_ms, epoch_ms(last_observed_at) as last_ms from gold.daily_summary", []string{"asset_id", "day"}, daily}.compare(t, s)
	expected{"gold.rolling_averages", "from gold.rolling_averages", []string{"asset_id", "day"}, averages}.compare(t, s)

	rankings, market := map[string]expect{}, map[string]expect{}
	for d := range present {
		o.marketDay(days, d, rankings, market, text)
	}
	expected{"gold.rankings", "from gold.rankings", []string{"asset_id", "day"}, rankings}.compare(t, s)
	expected{"gold.market_summary", "from gold.market_summary", []string{"day"}, market}.compare(t, s)
}

// marketDay adds the expected rankings and the summary of one day.
func (o *oracle) marketDay(days map[assetDay]*summary, d int64, rankings, market map[string]expect, text func(*big.Rat, int) any) {
	order := ranked(days, d)
	var total, volume *big.Rat
	sum := func(to **big.Rat, r *big.Rat) {
		if r != nil {
			if *to == nil {
				*to = new(big.Rat)
			}
			(*to).Add(*to, r)
		}
	}
	for _, a := range order {
		sum(&total, days[assetDay{a, d}].last().cap)
		sum(&volume, days[assetDay{a, d}].last().volume)
	}
	cumulative, hhi := new(big.Rat), new(big.Rat)
	advancers, decliners := 0, 0
	var gainer, loser any
	var most, least float64
	for i, a := range order {
		marketCap := days[assetDay{a, d}].last().cap
		row := expect{"rank": i + 1, "rank_change_1d": nil, "rank_change_7d": nil, "market_cap_usd": text(marketCap, 18), "dominance_pct": nil, "cumulative_pct": nil}
		if marketCap != nil {
			row["rank_change_1d"], row["rank_change_7d"] = climbed(days, a, d-1, i), climbed(days, a, d-7, i)
		}
		if marketCap != nil && total.Sign() > 0 {
			share := new(big.Rat).Quo(new(big.Rat).Mul(marketCap, big.NewRat(100, 1)), total)
			cumulative.Add(cumulative, share)
			hhi.Add(hhi, new(big.Rat).Mul(share, share))
			row["dominance_pct"], row["cumulative_pct"] = double(share), double(cumulative)
		}
		rankings[a+" "+dayText(d)] = row
	}
	slices.Sort(order) // of equal returns the first asset by its id counts
	for _, a := range order {
		r := rollingOf(days, assetDay{a, d}).returns[0]
		if r == nil {
			continue
		}
		if *r > 0 {
			advancers++
		}
		if *r < 0 {
			decliners++
		}
		if gainer == nil || *r > most {
			gainer, most = a, *r
		}
		if loser == nil || *r < least {
			loser, least = a, *r
		}
	}
	row := expect{"n_assets": len(order), "total_market_cap_usd": text(total, 18), "total_volume_usd": text(volume, 18), "advancers": advancers, "decliners": decliners,
		"top_gainer": gainer, "top_loser": loser, "hhi": nil}
	if total != nil && total.Sign() > 0 {
		row["hhi"] = double(hhi)
	}
	market[dayText(d)] = row
}

// climbed counts the places that an asset has won since an earlier day; nil when it had no market cap and so no place then.
func climbed(days map[assetDay]*summary, asset string, since int64, now int) any {
	if then := days[assetDay{asset, since}]; then == nil || then.last().cap == nil {
		return nil
	}
	return slices.Index(ranked(days, since), asset) - now
}

// bronze gives the oracle all that the ingestor has landed.
func (o *oracle) bronze(t testing.TB, s *harness.Stack) {
	t.Helper()
	for object := range s.Client().ListObjectsIter(t.Context(), s.Bucket(), s3.ListObjectsOptions{Prefix: "bronze/", Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		content, err := s.Client().GetObject(t.Context(), s.Bucket(), object.Key, s3.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(content)
		if err != nil {
			t.Fatalf("read %s: %v", object.Key, err)
		}
		info, err := content.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(object.Key, "bronze/coincap/assets/") {
			o.assets(t, body)
			continue
		}
		o.history(t, info.UserMetadata["Asset-Id"], info.UserMetadata["Interval"], body)
	}
}

func TestGoldAgreesWithAnIndependentRecomputation(t *testing.T) {
	s := harness.Start(t)
	ids := "bitcoin,ethereum,tether,xrp,solana,dogecoin"
	s.Ingest(t, "history", "--from", "2025-02-01", "--to", "2025-06-30", "--assets", ids)
	// Days with several samples, and with two intervals of which the finer one counts.
	s.Ingest(t, "history", "--from", "2025-06-29", "--to", "2025-06-30", "--assets", "bitcoin,xrp", "--interval", "h1")
	s.Ingest(t, "snapshot", "--top", "50")
	// Market caps of days in a row, which the simulator's history does not have.
	for d := range 10 {
		at := coin.Day(6, 15+d)
		list := []string{coin.Asset("bitcoin", "100000.5", "3000"), coin.Asset("ethereum", "2500.25", []string{"2000", "4000.5"}[d/3%2]), coin.Asset("tether", "1", "2000"), coin.Asset("xrp", "0.0000012345", "0")}
		s.Put(t, coin.AssetsKey(dayText(at.Unix()/86400)+".json"), coin.Assets(at.Add(3600e9), list[:4-d%2]...), nil)
		s.Put(t, coin.AssetsKey(dayText(at.Unix()/86400)+"-later.json"), coin.Assets(at.Add(7200e9), coin.Asset("bitcoin", "99999.125", "1000")), nil)
	}
	s.Reactor(t, "replay", "--wait")
	o := newOracle()
	o.bronze(t, s)
	o.agree(t, s)
	verdicts := s.CheckEqual(t)
	if n := s.Count(t, "select count(volatility_30d) as n from gold.rolling_averages"); n < 300 || verdicts["gold.rolling_averages"].Rows < 850 {
		t.Errorf("only %d days have a volatility, that proves little: %+v", n, verdicts)
	}
}
