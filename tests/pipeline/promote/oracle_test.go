package promote_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// oracle works gold out a second time, from the responses themselves and by the words of the contract alone: plain loops
// over exact fractions, no SQL, nothing of the reactor's.
type oracle struct {
	points    map[pointKey]historyPoint
	snapshots map[snapshotKey]snapshotRow
}

type pointKey struct {
	asset, interval string
	ms              int64
}

type historyPoint struct {
	PriceUsd          string
	CirculatingSupply *string
	Time              int64
}

type snapshotKey struct {
	asset string
	ms    int64
}

type snapshotRow struct {
	ID                           string
	PriceUsd                     *string
	MarketCapUsd, VolumeUsd24Hr  *string
	Supply, MaxSupply, Vwap24Hr  *string
	Rank, Symbol, Name, Explorer *string
	ChangePercent24Hr            *string
}

func newOracle() *oracle {
	return &oracle{points: map[pointKey]historyPoint{}, snapshots: map[snapshotKey]snapshotRow{}}
}

// history takes in an answer of /assets/{slug}/history. Answers that contradict each other have no place here.
func (o *oracle) history(t testing.TB, asset, interval string, body []byte) {
	t.Helper()
	var answer struct{ Data []historyPoint }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("history of %s: %v", asset, err)
	}
	for _, p := range answer.Data {
		key := pointKey{asset, interval, p.Time}
		if other, twice := o.points[key]; twice && fraction(other.PriceUsd).Cmp(fraction(p.PriceUsd)) != 0 {
			t.Fatalf("two answers for %v: %v and %v", key, other, p)
		}
		o.points[key] = p
	}
}

// assets takes in an answer of /assets or /assets/{slug}.
func (o *oracle) assets(t testing.TB, body []byte) {
	t.Helper()
	var answer struct {
		Timestamp int64
		Data      json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	var list []snapshotRow
	if answer.Data[0] == '{' {
		answer.Data = json.RawMessage("[" + string(answer.Data) + "]")
	}
	if err := json.Unmarshal(answer.Data, &list); err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		o.snapshots[snapshotKey{r.ID, answer.Timestamp}] = r
	}
}

func fraction(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("not a number: " + text)
	}
	return r
}

// decimal writes a fraction as `reactor query` writes a decimal of that scale, rounded half even. (FloatString rounds half away from
// zero: a simulated price has a 5 behind its last decimal once in a while.)
func decimal(r *big.Rat, scale int) string {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	units, rest := new(big.Int).QuoRem(new(big.Int).Mul(new(big.Int).Abs(r.Num()), unit), r.Denom(), new(big.Int))
	if half := rest.Lsh(rest, 1).Cmp(r.Denom()); half > 0 || half == 0 && units.Bit(0) == 1 {
		units.Add(units, big.NewInt(1))
	}
	if r.Sign() < 0 {
		units.Neg(units)
	}
	s := new(big.Rat).SetFrac(units, unit).FloatString(scale)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func double(r *big.Rat) float64 { f, _ := r.Float64(); return f }

// sample is one price of a day.
type sample struct {
	ms          int64
	price       *big.Rat
	cap, volume *big.Rat
}

// summary is a row of gold.daily_summary, and what the other tables make of it.
type summary struct {
	samples []sample
	source  string
	low     *big.Rat
	high    *big.Rat
	sum     *big.Rat
}

func (s *summary) last() sample    { return s.samples[len(s.samples)-1] }
func (s *summary) close() *big.Rat { return s.last().price }

type assetDay struct {
	asset string
	day   int64 // since 1970
}

const dayMS = 24 * 60 * 60 * 1000

var seconds = map[string]int{"m1": 60, "m5": 300, "m15": 900, "m30": 1800, "h1": 3600, "h2": 7200, "h6": 21600, "h12": 43200, "d1": 86400}

// summaries makes the days of all assets: from snapshots where a day has any, else from its finest history.
func (o *oracle) summaries() map[assetDay]*summary {
	finest := map[assetDay]string{}
	for k := range o.points {
		d := assetDay{k.asset, k.ms / dayMS}
		if other, ok := finest[d]; !ok || seconds[k.interval] < seconds[other] {
			finest[d] = k.interval
		}
	}
	days := map[assetDay]*summary{}
	add := func(d assetDay, source string, s sample) {
		if days[d] == nil {
			days[d] = &summary{source: source, low: s.price, high: s.price, sum: new(big.Rat)}
		}
		day := days[d]
		day.samples = append(day.samples, s)
		day.sum.Add(day.sum, s.price)
		if s.price.Cmp(day.low) < 0 {
			day.low = s.price
		}
		if s.price.Cmp(day.high) > 0 {
			day.high = s.price
		}
	}
	for k, r := range o.snapshots {
		if r.PriceUsd != nil {
			add(assetDay{k.asset, k.ms / dayMS}, "snapshot", sample{k.ms, fraction(*r.PriceUsd), optional(r.MarketCapUsd), optional(r.VolumeUsd24Hr)})
		}
	}
	for k, p := range o.points {
		d := assetDay{k.asset, k.ms / dayMS}
		if (days[d] == nil || days[d].source == "history") && finest[d] == k.interval {
			add(d, "history", sample{k.ms, fraction(p.PriceUsd), nil, nil})
		}
	}
	for _, day := range days {
		slices.SortFunc(day.samples, func(a, b sample) int { return int(a.ms - b.ms) })
	}
	return days
}

func optional(text *string) *big.Rat {
	if text == nil {
		return nil
	}
	return fraction(*text)
}

// rolling is what gold.rolling_averages says of a day; nil is null.
type rolling struct {
	nObs       [3]int // of 7, 30, 90 days
	sma        [3]*float64
	returns    [3]*float64 // over 1, 7, 30 days
	volatility *float64
	drawdown   float64
}

func rollingOf(days map[assetDay]*summary, at assetDay) rolling {
	var r rolling
	ago := func(n int64) *big.Rat {
		if s := days[assetDay{at.asset, at.day - n}]; s != nil {
			return s.close()
		}
		return nil
	}
	today := ago(0)
	for i, n := range []int64{7, 30, 90} {
		sum := new(big.Rat)
		for back := range n {
			if c := ago(back); c != nil {
				r.nObs[i]++
				sum.Add(sum, c)
			}
		}
		if r.nObs[i] == int(n) {
			r.sma[i] = ptr(double(sum.Quo(sum, new(big.Rat).SetInt64(n))))
		}
	}
	for i, n := range []int64{1, 7, 30} {
		if before := ago(n); before != nil && before.Sign() > 0 {
			ratio := new(big.Rat).Quo(today, before)
			r.returns[i] = ptr(double(ratio.Sub(ratio, big.NewRat(1, 1))))
		}
	}
	var logs []float64
	for back := range int64(30) {
		a, b := ago(back), ago(back+1)
		if a != nil && b != nil && a.Sign() > 0 && b.Sign() > 0 {
			logs = append(logs, math.Log(double(new(big.Rat).Quo(a, b))))
		}
	}
	if len(logs) == 30 {
		mean, squares := 0.0, 0.0
		for _, l := range logs {
			mean += l / 30
		}
		for _, l := range logs {
			squares += (l - mean) * (l - mean)
		}
		r.volatility = ptr(math.Sqrt(squares/29) * math.Sqrt(365))
	}
	highest := today
	for back := range int64(365) {
		if c := ago(back); c != nil && c.Cmp(highest) > 0 {
			highest = c
		}
	}
	drawdown := new(big.Rat).Quo(today, highest)
	r.drawdown = double(drawdown.Sub(drawdown, big.NewRat(1, 1)))
	return r
}

func ptr[T any](v T) *T { return &v }

// ranked sorts the assets of one day by market cap, those without one last.
func ranked(days map[assetDay]*summary, day int64) (assets []string) {
	for d := range days {
		if d.day == day {
			assets = append(assets, d.asset)
		}
	}
	slices.SortFunc(assets, func(a, b string) int {
		x, y := days[assetDay{a, day}].last().cap, days[assetDay{b, day}].last().cap
		switch {
		case x == nil && y == nil:
			return strings.Compare(a, b)
		case x == nil:
			return 1
		case y == nil:
			return -1
		case x.Cmp(y) != 0:
			return y.Cmp(x)
		}
		return strings.Compare(a, b)
	})
	return assets
}

func dayText(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }

// expect is a row by column: text and int are exact, float64 within rounding, nil is null.
type expect map[string]any

// agrees compares one value as the CSV has it.
func agrees(got string, want any) bool {
	switch w := want.(type) {
	case nil:
		return got == ""
	case *float64:
		if w == nil {
			return got == ""
		}
		return agrees(got, *w)
	case float64:
		var f float64
		if _, err := fmt.Sscan(got, &f); err != nil {
			return false
		}
		return math.Abs(f-w) <= 1e-11*math.Max(math.Abs(f), math.Abs(w))+1e-13
	}
	return got == fmt.Sprint(want)
}
