package gold

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// This file computes the four tables again, in Go, from their description alone: exact numbers as big.Rat, doubles in the order of
// the days. Doubles may differ by 1e-12 of their size; everything else must be equal.

type rat = *big.Rat

func parse(s string) rat {
	if s == "" {
		return nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func float(r rat) float64 { f, _ := r.Float64(); return f }

type dayRow struct {
	asset                                          string
	day                                            plan.Day
	open, high, low, close, avg, marketCap, volume rat
	n                                              int64
	source                                         string

	rank         int64
	return1d     rat // nil if there is none
	dominance    float64
	hasDominance bool
}

var fineness = []string{"", "m1", "m5", "m15", "m30", "h1", "h2", "h6", "h12", "d1"} // "" is a snapshot

func recomputeDays(samples []sample) map[string]map[plan.Day]*dayRow {
	groups := map[string][]sample{}
	finest := map[string]int{}
	key := func(s sample) string { return fmt.Sprintf("%s|%d", s.asset, s.day()) }
	for _, s := range samples {
		if s.price == "" {
			continue
		}
		k, f := key(s), slices.Index(fineness, s.interval)
		if old, ok := finest[k]; !ok || f < old {
			finest[k], groups[k] = f, nil
		}
		if f == finest[k] {
			groups[k] = append(groups[k], s)
		}
	}
	out := map[string]map[plan.Day]*dayRow{}
	for _, g := range groups {
		slices.SortFunc(g, func(a, b sample) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key, b.key)) })
		last := g[len(g)-1]
		row := &dayRow{asset: last.asset, day: last.day(), open: parse(g[0].price), close: parse(last.price),
			marketCap: parse(last.cap), volume: parse(last.volume), n: int64(len(g)), source: "snapshot"}
		if last.interval != "" {
			row.source = "history"
		}
		sum := new(big.Rat)
		for _, s := range g {
			p := parse(s.price)
			sum.Add(sum, p)
			if row.high == nil || p.Cmp(row.high) > 0 {
				row.high = p
			}
			if row.low == nil || p.Cmp(row.low) < 0 {
				row.low = p
			}
		}
		row.avg = sum.Quo(sum, big.NewRat(row.n, 1))
		if out[row.asset] == nil {
			out[row.asset] = map[plan.Day]*dayRow{}
		}
		out[row.asset][row.day] = row
	}
	return out
}

// window returns an asset's rows of the last n days, in order.
func window(rows map[plan.Day]*dayRow, day plan.Day, n int) []*dayRow {
	var out []*dayRow
	for d := day - plan.Day(n) + 1; d <= day; d++ {
		if r := rows[d]; r != nil {
			out = append(out, r)
		}
	}
	return out
}

func change(rows map[plan.Day]*dayRow, day plan.Day, n int) rat {
	before := rows[day-plan.Day(n)]
	if before == nil || before.close.Sign() == 0 {
		return nil
	}
	r := new(big.Rat).Quo(rows[day].close, before.close)
	return r.Sub(r, big.NewRat(1, 1))
}

func volatility(rows map[plan.Day]*dayRow, day plan.Day) (float64, bool) {
	var logs []float64
	for d := day - 29; d <= day; d++ {
		if rows[d] == nil || rows[d-1] == nil {
			return 0, false
		}
		logs = append(logs, math.Log(float(rows[d].close))-math.Log(float(rows[d-1].close)))
	}
	mean, squares := 0.0, 0.0
	for _, l := range logs {
		mean += l / 30
	}
	for _, l := range logs {
		squares += (l - mean) * (l - mean)
	}
	return math.Sqrt(squares/29) * math.Sqrt(365), true
}

// near compares DuckDB's value with ours; nil is null.
func near(got any, want float64, there bool) error {
	g, ok := got.(float64)
	switch {
	case !there && got == nil:
		return nil
	case there && ok && math.Abs(g-want) <= 1e-12*max(1, math.Abs(want)):
		return nil
	}
	return fmt.Errorf("%v, want %v (there: %v)", got, want, there)
}

func exactly(got any, want rat) error {
	if got == nil && want == nil {
		return nil
	}
	if s, ok := got.(string); ok && want != nil && parse(s).Cmp(want) == 0 {
		return nil
	}
	return fmt.Errorf("%v, want %v", got, want)
}

func same[T comparable](got any, want T) error {
	if g, ok := got.(T); ok && g == want {
		return nil
	}
	return fmt.Errorf("%v, want %v", got, want)
}

// hardPrices lists decimals that become the same double, or that lose digits unless all 28 decimals count.
var hardPrices = []string{
	"1", "0.9999999999999999", "0.9999999999999999999999999999", "1.0000000000000000000000000001", "1.0000000000000000000000000002",
	"3", "3.0000000000000000000000000003", "2.9999999999999999999999999997", "0.0000000000000000000000000001", "0.0000000000000000000000000003",
	"0.00000000000000123", "0.0000000000012345678901234567", "9999999999.9999999999999999999999999999", "9999999999.9999999999999999999999999998",
	"999.9999999999999999999999999999", "1000", "64123.1234567890123456789012345678",
}

// makeHard gives assets prices that are hard to tell apart, on half of the days.
func makeHard(r *rand.Rand, samples []sample) {
	for i := range samples {
		if day := samples[i].day(); day%4 < 2 && samples[i].price != "" {
			// Take neighbours in the list, so that the quotients of two days are neighbours as well.
			samples[i].price = hardPrices[(int(day)/40+r.IntN(3))%len(hardPrices)]
		}
	}
}

// A decimal of 28 digits became the double 1.0; this test began with it.
func TestBreadthAndAveragesCountEveryDigit(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	day := func(n int) time.Time { return at2024.AddDate(0, 0, n) }
	load(t, c, []sample{
		{asset: "a", at: day(0), key: "k", price: "1", cap: "1"}, {asset: "a", at: day(1), key: "k", price: "0.9999999999999999", cap: "1"},
		{asset: "b", at: day(0), key: "k", price: "1", cap: "1"}, {asset: "b", at: day(1), key: "k", price: "0.9999999999999999999999999999", cap: "1"},
		{asset: "c", at: day(0), key: "k", price: "3", cap: "1"}, {asset: "c", at: day(1), key: "k", price: "3.0000000000000000000000000001", cap: "1"},
		{asset: "d", at: day(0), key: "k", price: "0.0000000000000000000000000001", cap: "1"}, {asset: "d", at: day(1), key: "k", price: "0.0000000000000000000000000001", cap: "1"},
		{asset: "e", at: day(0), key: "k", price: "0.00000000000000123", cap: "1"}, {asset: "e", at: day(1), key: "k", price: "0.00000000000000123", cap: "1"},
	})
	computeAll(t, s, c, plan.Range{From: sample{at: day(0)}.day(), To: sample{at: day(1)}.day()})
	r := relation(t, c, "select * from gold.market_summary order by day desc")[0]
	for column, want := range map[string]any{"decliners": int64(2), "advancers": int64(1), "top_gainer": "c", "top_loser": "a"} {
		if r[column] != want {
			t.Errorf("%s is %v, want %v", column, r[column], want)
		}
	}
	for asset, want := range map[string]float64{"d": 1e-28, "e": 1.23e-15} {
		if got := relation(t, c, "select avg_price from gold.daily_summary where asset_id = '"+asset+"'")[0]["avg_price"]; relative(got, want) != nil {
			t.Errorf("the average of %s is %v, want %v", asset, got, want)
		}
	}
}

// Two returns are the same double, and the first asset by id is not the one that gained or lost most.
func TestGainersAreDecidedExactly(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	for name, test := range map[string]struct {
		before, after [3]string
		gainer, loser string
	}{
		"a last digit up":        {[3]string{"1", "3", "7"}, [3]string{"2", "6.0000000000000000000000000001", "14"}, "b", "a"},
		"a last digit down":      {[3]string{"2", "6", "14"}, [3]string{"1", "3", "6.9999999999999999999999999999"}, "a", "c"},
		"equal quotients":        {[3]string{"1", "3", "7"}, [3]string{"2", "6", "14"}, "a", "a"},
		"the greatest prices":    {[3]string{"9999999999.9999999999999999999999999998", "9999999999.9999999999999999999999999997", "1"}, [3]string{"9999999999.9999999999999999999999999999", "9999999999.9999999999999999999999999999", "1"}, "b", "c"},
		"the least prices":       {[3]string{"0.0000000000000000000000000003", "3", "1"}, [3]string{"0.0000000000000000000000000001", "0.9999999999999999999999999999", "1"}, "c", "b"},
		"nothing moves":          {[3]string{"1", "3", "7"}, [3]string{"1", "3", "7"}, "a", "a"},
		"one falls by the least": {[3]string{"1", "3", "7"}, [3]string{"1", "2.9999999999999999999999999999", "7"}, "a", "b"},
	} {
		var samples []sample
		for i := range 3 {
			asset := string(rune('a' + i))
			samples = append(samples, sample{asset: asset, at: at2024, key: "k", price: test.before[i], cap: "1"},
				sample{asset: asset, at: at2024.AddDate(0, 0, 1), key: "k", price: test.after[i], cap: "1"})
		}
		load(t, c, samples)
		computeAll(t, s, c, span(samples))
		r := relation(t, c, "select * from gold.market_summary order by day desc")[0]
		if r["top_gainer"] != test.gainer || r["top_loser"] != test.loser {
			t.Errorf("%s: gainer %v and loser %v, want %s and %s", name, r["top_gainer"], r["top_loser"], test.gainer, test.loser)
		}
	}
}

func TestTheModelsAgreeWithAnIndependentRecomputation(t *testing.T) {
	s := loaded(t)
	c := workplace(t, s, duck.Config{})
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			samples := randomSamples(r, 5, 400)
			if seed > 0 {
				makeHard(r, samples)
			}
			load(t, c, samples)
			computeAll(t, s, c, span(samples))
			days := recomputeDays(samples)
			expect := func(what string, r map[string]any, errs map[string]error) {
				for column, err := range errs {
					if err != nil {
						t.Fatalf("%s of %v on %v: %s is %v", what, r["asset_id"], r["day"], column, err)
					}
				}
			}
			rowOf := func(r map[string]any) *dayRow {
				day, err := plan.ParseDay(r["day"].(string))
				if err != nil {
					t.Fatal(err)
				}
				row := days[r["asset_id"].(string)][day]
				if row == nil {
					t.Fatalf("a row too many: %v", r)
				}
				return row
			}
			n := 0
			for _, rows := range days {
				n += len(rows)
			}

			got := relation(t, c, "from gold.daily_summary")
			if len(got) != n {
				t.Fatalf("daily_summary: %d rows, want %d", len(got), n)
			}
			for _, r := range got {
				w := rowOf(r)
				expect("daily_summary", r, map[string]error{
					"open": exactly(r["open"], w.open), "high": exactly(r["high"], w.high), "low": exactly(r["low"], w.low), "close": exactly(r["close"], w.close),
					"avg_price": relative(r["avg_price"], float(w.avg)), "n_samples": same(r["n_samples"], w.n), "source": same(r["source"], w.source),
					"market_cap_usd": exactly(r["market_cap_usd"], w.marketCap), "volume_usd_24h": exactly(r["volume_usd_24h"], w.volume),
				})
			}

			got = relation(t, c, "from gold.rolling_averages")
			if len(got) != n {
				t.Fatalf("rolling_averages: %d rows, want %d", len(got), n)
			}
			for _, r := range got {
				w := rowOf(r)
				rows := days[w.asset]
				errs := map[string]error{}
				for _, k := range []int{7, 30, 90} {
					in := window(rows, w.day, k)
					sum := new(big.Rat)
					for _, x := range in {
						sum.Add(sum, x.close)
					}
					errs["n_obs_"+strconv.Itoa(k)] = same(r["n_obs_"+strconv.Itoa(k)], int64(len(in)))
					sma := r["sma_"+strconv.Itoa(k)]
					if len(in) == k {
						errs["sma_"+strconv.Itoa(k)] = relative(sma, float(sum.Quo(sum, big.NewRat(int64(k), 1))))
					} else if sma != nil {
						errs["sma_"+strconv.Itoa(k)] = fmt.Errorf("%v, want null: %d days", sma, len(in))
					}
				}
				for _, k := range []int{1, 7, 30} {
					got, want := r[fmt.Sprintf("return_%dd", k)], change(rows, w.day, k)
					if want != nil {
						errs[fmt.Sprintf("return_%dd", k)] = relative(got, float(want))
					} else if got != nil {
						errs[fmt.Sprintf("return_%dd", k)] = fmt.Errorf("%v, want null", got)
					}
				}
				w.return1d = change(rows, w.day, 1)
				v, there := volatility(rows, w.day)
				errs["volatility_30d"] = near(r["volatility_30d"], v, there)
				high := w.close
				for _, x := range window(rows, w.day, 365) {
					if x.close.Cmp(high) > 0 {
						high = x.close
					}
				}
				errs["drawdown"] = relative(r["drawdown"], float(new(big.Rat).Sub(new(big.Rat).Quo(w.close, high), big.NewRat(1, 1))))
				expect("rolling_averages", r, errs)
			}

			byDay := map[plan.Day][]*dayRow{}
			for _, rows := range days {
				for _, w := range rows {
					byDay[w.day] = append(byDay[w.day], w)
				}
			}
			totals := map[plan.Day]rat{}
			for day, rows := range byDay {
				slices.SortFunc(rows, func(a, b *dayRow) int {
					switch {
					case a.marketCap != nil && b.marketCap != nil && a.marketCap.Cmp(b.marketCap) != 0:
						return b.marketCap.Cmp(a.marketCap)
					case (a.marketCap == nil) != (b.marketCap == nil):
						if a.marketCap == nil {
							return 1
						}
						return -1
					}
					return cmp.Compare(a.asset, b.asset)
				})
				for i, w := range rows {
					w.rank = int64(i + 1)
					if w.marketCap != nil {
						if totals[day] == nil {
							totals[day] = new(big.Rat)
						}
						totals[day].Add(totals[day], w.marketCap)
					}
				}
			}
			got = relation(t, c, "from gold.rankings")
			if len(got) != n {
				t.Fatalf("rankings: %d rows, want %d", len(got), n)
			}
			for _, r := range got {
				w := rowOf(r)
				errs := map[string]error{"rank": same(r["rank"], w.rank), "market_cap_usd": exactly(r["market_cap_usd"], w.marketCap)}
				for k, column := range map[int]string{1: "rank_change_1d", 7: "rank_change_7d"} {
					if before := days[w.asset][w.day-plan.Day(k)]; before != nil && before.marketCap != nil && w.marketCap != nil {
						errs[column] = same(r[column], before.rank-w.rank)
					} else if r[column] != nil {
						errs[column] = fmt.Errorf("%v, want null", r[column])
					}
				}
				w.hasDominance = w.marketCap != nil
				cumulative := 0.0
				if w.hasDominance {
					total := totals[w.day]
					w.dominance = 100 * float(new(big.Rat).Quo(w.marketCap, total))
					sum := new(big.Rat)
					for _, x := range byDay[w.day][:w.rank] {
						sum.Add(sum, x.marketCap)
					}
					cumulative = 100 * float(sum.Quo(sum, total))
				}
				errs["dominance_pct"] = near(r["dominance_pct"], w.dominance, w.hasDominance)
				errs["cumulative_pct"] = near(r["cumulative_pct"], cumulative, w.hasDominance)
				expect("rankings", r, errs)
			}

			got = relation(t, c, "from gold.market_summary")
			if len(got) != len(byDay) {
				t.Fatalf("market_summary: %d rows, want %d", len(got), len(byDay))
			}
			for _, r := range got {
				day, err := plan.ParseDay(r["day"].(string))
				if err != nil {
					t.Fatal(err)
				}
				rows := byDay[day]
				slices.SortFunc(rows, func(a, b *dayRow) int { return cmp.Compare(a.asset, b.asset) })
				var volume rat
				var up, down int64
				var gainer, loser *dayRow
				hhi := 0.0
				for _, w := range rows {
					if w.volume != nil {
						if volume == nil {
							volume = new(big.Rat)
						}
						volume.Add(volume, w.volume)
					}
					hhi += w.dominance * w.dominance
					if w.return1d == nil {
						continue
					}
					if w.return1d.Sign() > 0 {
						up++
					} else if w.return1d.Sign() < 0 {
						down++
					}
					if gainer == nil || w.return1d.Cmp(gainer.return1d) > 0 {
						gainer = w
					}
					if loser == nil || w.return1d.Cmp(loser.return1d) < 0 {
						loser = w
					}
				}
				name := func(got any, w *dayRow) error {
					if w == nil {
						if got != nil {
							return fmt.Errorf("%v, want null", got)
						}
						return nil
					}
					return same(got, w.asset)
				}
				r["asset_id"] = "all"
				expect("market_summary", r, map[string]error{
					"n_assets": same(r["n_assets"], int64(len(rows))), "total_market_cap_usd": exactly(r["total_market_cap_usd"], totals[day]),
					"total_volume_usd": exactly(r["total_volume_usd"], volume), "hhi": near(r["hhi"], hhi, totals[day] != nil),
					"advancers": same(r["advancers"], up), "decliners": same(r["decliners"], down),
					"top_gainer": name(r["top_gainer"], gainer), "top_loser": name(r["top_loser"], loser),
				})
			}
		})
	}
}

// relative compares values of any size as near does.
func relative(got any, want float64) error {
	if g, ok := got.(float64); ok && math.Abs(g-want) <= 1e-12*math.Abs(want) {
		return nil
	}
	return fmt.Errorf("%v, want %v", got, want)
}
