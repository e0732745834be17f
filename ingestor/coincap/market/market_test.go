package market

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func everything(_, _ string) bool { return true }

func newMarket(t testing.TB, seed uint64, restatements ...Restatement) *Market {
	t.Helper()
	m, err := New(seed, restatements...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func drawTime(t *rapid.T) time.Time {
	return time.UnixMilli(rapid.Int64Range(date(2018, 6, 1).UnixMilli(), date(2030, 1, 1).UnixMilli()).Draw(t, "ms")).UTC()
}

func TestSameSeedSameMarket(t *testing.T) {
	a, b, other := newMarket(t, 7), newMarket(t, 7), newMarket(t, 8)
	now := date(2025, 7, 1).Add(12345 * time.Second)
	text := func(m *Market) string {
		rows, err := json.Marshal(m.Listing(now).Rows(everything, 0, Size))
		if err != nil {
			t.Fatal(err)
		}
		return string(rows)
	}
	if text(a) != text(b) {
		t.Error("one seed gives two markets")
	}
	if text(a) == text(other) {
		t.Error("two seeds give one market")
	}
}

func TestHistoryShowsWhatASnapshotShowed(t *testing.T) {
	m := newMarket(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		at := drawTime(t).Truncate(time.Minute)
		a := m.assets[rapid.IntRange(0, 400).Draw(t, "asset")]
		if at.Before(a.born) || a.hole(at) {
			return
		}
		row, ok := m.Listing(at).Asset(a.ID(at))
		if !ok {
			t.Fatalf("%s is not listed at %s", a.ID(at), at)
		}
		points, ok := m.History(a.ID(at), time.Minute, at, at, at)
		if !ok || len(points) != 1 {
			t.Fatalf("the history of %s has %d points at %s", a.ID(at), len(points), at)
		}
		if points[0].PriceUsd != row.PriceUsd {
			t.Fatalf("%s at %s: history %s, snapshot %s", a.ID(at), at, points[0].PriceUsd, row.PriceUsd)
		}
	})
}

func TestPricesStayWithinReason(t *testing.T) {
	m := newMarket(t, 3)
	for _, year := range []int{2015, 2020, 2026, 2040, 2085} {
		at := date(year, 3, 1)
		for _, a := range m.assets {
			p := m.price(a, at)
			if !(p > 1e-20 && p < 1e7) || !(p*a.supplyAt(at) < 1e15) {
				t.Errorf("%s costs %g and is worth %g on %s", a.id, p, p*a.supplyAt(at), at.Format(time.DateOnly))
			}
			if a.sigma == stable && math.Abs(p-1) > .0031 {
				t.Errorf("the stablecoin %s costs %g", a.id, p)
			}
		}
	}
}

// dailyReturns are those of 2,000 days.
func dailyReturns(m *Market, id string) []float64 {
	a := m.find(id)
	var returns []float64
	for d := range 2000 {
		at := date(2020, 1, 1).AddDate(0, 0, d)
		returns = append(returns, math.Log(m.price(a, at.AddDate(0, 0, 1))/m.price(a, at)))
	}
	return returns
}

func correlation(x, y []float64) float64 {
	var mx, my, sxy, sxx, syy float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	for i := range x {
		sxy += (x[i] - mx) * (y[i] - my)
		sxx += (x[i] - mx) * (x[i] - mx)
		syy += (y[i] - my) * (y[i] - my)
	}
	return sxy / math.Sqrt(sxx*syy)
}

func TestReturnsAreThoseOfACorrelatedMarket(t *testing.T) {
	m := newMarket(t, 1)
	bitcoin, ethereum := dailyReturns(m, "bitcoin"), dailyReturns(m, "ethereum")
	if c := correlation(bitcoin, ethereum); c < .5 || c > .95 {
		t.Errorf("bitcoin and ethereum correlate by %.2f", c)
	}
	if c := correlation(bitcoin, dailyReturns(m, "tether")); math.Abs(c) > .1 {
		t.Errorf("bitcoin and tether correlate by %.2f", c)
	}
	if c := correlation(bitcoin[1:], bitcoin[:len(bitcoin)-1]); math.Abs(c) > .1 {
		t.Errorf("a day's return tells the next by %.2f", c)
	}
	if c := correlation(bitcoin, dailyReturns(m, "wrapped-bitcoin")); c < .99 {
		t.Errorf("a claim on bitcoin follows it by %.2f only", c)
	}
	var square float64
	for _, r := range bitcoin {
		square += r * r / float64(len(bitcoin))
	}
	if sd := math.Sqrt(square); sd < .012 || sd > .035 {
		t.Errorf("bitcoin moves by %.3f a day", sd)
	}
}

func TestWalkHasTheVarianceOfItsTime(t *testing.T) {
	s := newStream(1, "test", 0)
	for _, step := range []float64{1. / 64, 1, 16} {
		var square float64
		n := min(8000, int(24000/step)) // the walk ends after 32,768 days
		for i := range n {
			at := 2000 + float64(i)*step
			d := s.walk(at+step) - s.walk(at)
			square += d * d / float64(n)
		}
		if ratio := square / step; ratio < .8 || ratio > 1.2 {
			t.Errorf("over %g days the walk's variance is %.3f of what it should be", step, ratio)
		}
	}
}

func TestTextsAreDecimalsOfTheErasAndNeverExponents(t *testing.T) {
	m := newMarket(t, 1)
	plain := regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	decimals := map[int]int{}
	nullSupply, nullVwap, tokens := 0, 0, 0
	rows := m.Listing(date(2025, 7, 1)).Rows(everything, 0, Size)
	for _, row := range rows {
		for _, text := range []string{row.PriceUsd, row.MarketCapUsd, row.VolumeUsd24Hr, row.Supply, row.ChangePercent24Hr} {
			if !plain.MatchString(text) {
				t.Errorf("%s shows %q", row.ID, text)
			}
		}
		if row.MaxSupply == nil {
			nullSupply++
		}
		if row.Vwap24Hr == nil {
			nullVwap++
		} else if !plain.MatchString(*row.Vwap24Hr) {
			t.Errorf("%s shows vwap %q", row.ID, *row.Vwap24Hr)
		}
		if len(row.Tokens) > 0 {
			tokens++
		}
		_, fraction, _ := strings.Cut(row.PriceUsd, ".")
		decimals[len(fraction)]++
		if !strings.HasSuffix(row.Name, Mark) {
			t.Errorf("the name %q does not say that it is made up", row.Name)
		}
	}
	if len(rows) != Size || rows[0].ID != "bitcoin" || rows[0].Rank != "1" {
		t.Errorf("%d rows, the first is %s", len(rows), rows[0].ID)
	}
	for _, n := range []int{16, 20, 24, 28} {
		if decimals[n] == 0 {
			t.Errorf("no price has %d decimals: %v", n, decimals)
		}
	}
	if later := m.Listing(date(2026, 7, 1)).Rows(everything, 0, 200); !hasDecimals(later, 18) {
		t.Error("no price of 2026 has 18 decimals")
	}
	if nullSupply < 500 || nullVwap < 50 || tokens < 500 {
		t.Errorf("of %d rows %d have no maxSupply, %d no vwap24Hr, %d tokens", Size, nullSupply, nullVwap, tokens)
	}
}

func hasDecimals(rows []Row, n int) bool {
	for _, row := range rows {
		if _, fraction, _ := strings.Cut(row.PriceUsd, "."); len(fraction) == n {
			return true
		}
	}
	return false
}

func TestPriceTextIsThePrice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := math.Exp(rapid.Float64Range(-25, 16).Draw(t, "log"))
		decimals := rapid.SampledFrom([]int{16, 18, 20, 24, 28}).Draw(t, "decimals")
		text := decimalText(x, decimals, newStream(1, "digits", 0), rapid.Uint64().Draw(t, "at"))
		back, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(back-x) > x*1e-14+math.Pow(10, -float64(decimals)) {
			t.Fatalf("%g is written %s", x, text)
		}
		if _, fraction, _ := strings.Cut(text, "."); len(fraction) != decimals {
			t.Fatalf("%s has %d decimals, not %d", text, len(fraction), decimals)
		}
	})
}

func TestRankingIsByMarketCap(t *testing.T) {
	rows := newMarket(t, 2).Listing(date(2025, 7, 1)).Rows(everything, 10, 500)
	last := math.Inf(1)
	for i, row := range rows {
		worth, err := strconv.ParseFloat(row.MarketCapUsd, 64)
		if err != nil || worth > last || row.Rank != strconv.Itoa(i+11) {
			t.Fatalf("row %d: rank %s, worth %s, the one before %g", i, row.Rank, row.MarketCapUsd, last)
		}
		last = worth
	}
}

func TestRenamedAssets(t *testing.T) {
	m := newMarket(t, 1)
	before, after := date(2025, 1, 1), date(2025, 2, 1)
	row, ok := m.Listing(before).Asset("fantom")
	if !ok || row.Symbol != "FTM" {
		t.Errorf("fantom was %q, %v", row.Symbol, ok)
	}
	if row, _ = m.Listing(after).Asset("fantom"); row.Symbol != "S" {
		t.Errorf("fantom is %q", row.Symbol)
	}
	if _, ok := m.History("polygon", 24*time.Hour, before, before, date(2024, 1, 1)); !ok {
		t.Error("the old slug is unknown in its own time")
	}
	if _, ok := m.History("polygon", 24*time.Hour, before, before, after); ok {
		t.Error("the old slug is known after its end")
	}
	drifting := 0
	for _, a := range m.assets {
		if a.was.until.After(date(2025, 6, 1)) {
			drifting++
		}
	}
	if drifting < 10 {
		t.Errorf("only %d slugs are still to drift", drifting)
	}
}

func TestHistoryHasHolesAndBeginnings(t *testing.T) {
	m := newMarket(t, 1)
	now := date(2025, 7, 1)
	points, _ := m.History("bitcoin", 24*time.Hour, date(2018, 1, 1), date(2018, 12, 31), now)
	if len(points) != 365-7 {
		t.Errorf("bitcoin has %d days of 2018, want 358", len(points))
	}
	for _, p := range points {
		if p.CirculatingSupply != "" {
			t.Fatal("a point of d1 has a supply")
		}
	}
	holes := 0
	for _, a := range m.assets[3:40] {
		points, _ := m.History(a.ID(now), 24*time.Hour, date(2025, 1, 1), date(2025, 6, 30), now)
		holes += 181 - len(points)
	}
	if holes == 0 || holes > 400 {
		t.Errorf("%d days are missing in 37 histories of 181 days", holes)
	}
	if points, ok := m.History("bitcoin", 24*time.Hour, date(2005, 1, 1), date(2005, 2, 1), now); !ok || len(points) != 0 {
		t.Errorf("before its beginning bitcoin has %d points, %v", len(points), ok)
	}
	points, _ = m.History("bitcoin", time.Hour, now, now.Add(48*time.Hour), now.Add(90*time.Minute))
	if len(points) != 2 || points[1].CirculatingSupply == "" {
		t.Errorf("hourly points of the future, or without supply: %+v", points)
	}
}

func TestRestatementChangesOneDay(t *testing.T) {
	at := date(2025, 3, 5)
	plain, restated := newMarket(t, 1), newMarket(t, 1, Restatement{Asset: "ethereum", Day: at.Add(5 * time.Hour), Factor: 1.5})
	for d := -2; d <= 2; d++ {
		day := at.AddDate(0, 0, d)
		ratio := restated.price(restated.find("ethereum"), day) / plain.price(plain.find("ethereum"), day)
		if want := map[bool]float64{true: 1.5, false: 1}[d == 0]; math.Abs(ratio-want) > 1e-12 {
			t.Errorf("on %s the price changed by %g, want %g", day.Format(time.DateOnly), ratio, want)
		}
	}
	for _, r := range []Restatement{{"nobody", at, 2}, {"bitcoin", at, 0}, {"bitcoin", at, math.NaN()}, {"bitcoin", at, math.Inf(1)}} {
		if _, err := New(1, r); err == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
}

// The figure that matters is the time of a whole listing: a simulator answers a snapshot of 20 with it.
func BenchmarkListing(b *testing.B) {
	m := newMarket(b, 1)
	for i := range b.N {
		m.Listing(date(2025, 7, 1).Add(time.Duration(i) * time.Millisecond))
	}
}
