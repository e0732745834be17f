// Package market makes up prices: 2,500 assets whose prices move as correlated geometric random walks, with the dirt that
// real responses have. Everything is a pure function of (seed, asset, time), so two simulators with one seed agree, and a
// history shows at a time what a snapshot of that time showed.
package market

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Size is the number of assets.
const Size = 2500

// reference is the time at which prices have the level that heads gives them.
var reference = date(2025, 6, 1)

// Market is a set of assets. It does not change, so it may be used by several goroutines.
type Market struct {
	market    stream
	assets    []*Asset
	restated  map[restatedDay]float64
	levelThen float64
}

// Restatement changes an asset's prices of one UTC day by a factor: a correction of the past.
type Restatement struct {
	Asset  string
	Day    time.Time // any time of the day
	Factor float64
}

type restatedDay struct {
	asset *Asset
	day   int64
}

// New returns the market of a seed.
func New(seed uint64, restatements ...Restatement) (*Market, error) {
	m := &Market{market: newStream(seed, "market", 0), restated: map[restatedDay]float64{}}
	m.levelThen = m.market.walk(days(reference))
	for n := range Size {
		a := &Asset{
			n:      n,
			own:    newStream(seed, "asset", uint64(n)),
			digits: newStream(seed, "digits", uint64(n)),
			walkOf: newStream(seed, "walk", uint64(n)),
		}
		if n < len(heads) {
			a.head, a.limit = heads[n], 1.6
			a.born = date(2010+n/4, time.Month(1+n%12), 1+n%28)
		} else {
			a.invent(n)
		}
		if followed := m.find(a.follows); followed != nil {
			a.walkOf = followed.walkOf
		}
		a.walkThen = a.walkOf.walk(days(reference))
		m.assets = append(m.assets, a)
	}
	for _, r := range restatements {
		a := m.find(r.Asset)
		if a == nil || !(r.Factor > 0) || math.IsInf(r.Factor, 0) {
			return nil, fmt.Errorf("restate %s of %s by %v: it takes a known slug and a factor above 0", r.Asset, r.Day.Format(time.DateOnly), r.Factor)
		}
		m.restated[restatedDay{a, dayNumber(r.Day)}] = r.Factor
	}
	return m, nil
}

func (m *Market) find(id string) *Asset {
	for _, a := range m.assets {
		if a.id == id {
			return a
		}
	}
	return nil
}

func dayNumber(t time.Time) int64 {
	return int64(math.Floor(float64(t.Unix()) / 86400))
}

// Asset is one of the market's assets.
type Asset struct {
	head
	n        int
	own      stream  // its fixed traits
	digits   stream  // of its texts
	walkOf   stream  // of its price
	walkThen float64 // the walk's level at the reference time
	limit    float64 // of the log price's distance from its start: prices wander, and never out of reason
	born     time.Time
}

var syllables = []string{"ar", "bel", "cor", "dex", "el", "fin", "gra", "hol", "in", "jas", "kra", "lum", "mi", "nor", "ox", "pra", "qua", "ro", "sol", "tri", "ul", "ver", "wex", "yo", "zen"}

// invent makes an asset of the list's long tail. Number and syllables keep slugs apart.
func (a *Asset) invent(n int) {
	word := ""
	for i := range 2 + n%2 {
		word += syllables[a.own.bits(uint64(i))%uint64(len(syllables))]
	}
	a.id = fmt.Sprintf("%s-%d", word, n)
	a.symbol = strings.ToUpper(word[:min(len(word), 4)])
	a.name = strings.ToUpper(word[:1]) + word[1:]
	a.limit = 2.5
	// Market caps fall off as a power of the rank, from 800 million to some thousands.
	size := 8e8 * math.Pow(float64(n-len(heads)+20)/20, -1.9) * math.Exp(.4*a.own.normal(10))
	a.price = round(math.Exp(-2+3.5*a.own.normal(11)), 4)
	a.supply = round(size/a.price, 7)
	if a.own.uniform(12) < .45 {
		a.maxSupply = round(a.supply*(1+a.own.uniform(13)*3), 2)
	}
	a.sigma = .025 + .035*a.own.uniform(14)
	a.beta = .5 + a.own.uniform(15)
	if a.own.uniform(16) < .6 {
		a.tokens = "ethereum"
	}
	a.born = date(2014, 1, 1).AddDate(0, 0, int(a.own.uniform(17)*4000))
	if a.own.uniform(18) < .03 {
		until := date(2024, 1, 1).AddDate(0, 0, int(a.own.uniform(19)*1500))
		a.was = rename{id: fmt.Sprintf("%s-old-%d", word, n), symbol: a.symbol + "O", until: until}
	}
}

// ID is the asset's slug at the time: some are renamed.
func (a *Asset) ID(t time.Time) string {
	if t.Before(a.was.until) {
		return a.was.id
	}
	return a.id
}

// Symbol is the asset's symbol at the time.
func (a *Asset) Symbol(t time.Time) string {
	if t.Before(a.was.until) {
		return a.was.symbol
	}
	return a.symbol
}

// price returns the asset's price at a time, before it is cut to decimals.
func (m *Market) price(a *Asset, t time.Time) float64 {
	d := days(t)
	own := a.walkOf.walk(d) - a.walkThen
	distance := float64(.0004 * own)
	limit := .003
	if a.sigma != stable {
		// The market moves by 2.2 % a day.
		distance = float64(a.sigma*own) + float64(a.beta*.022*(m.market.walk(d)-m.levelThen))
		limit = a.limit
	}
	price := a.price * math.Exp(limit*math.Tanh(distance/limit))
	if factor, ok := m.restated[restatedDay{a, dayNumber(t)}]; ok {
		price *= factor
	}
	return price
}

// supplyAt returns the supply at a time: it grows by 2 % a year, on whole days, up to the largest that there will be.
func (a *Asset) supplyAt(t time.Time) float64 {
	years := float64(dayNumber(t)-dayNumber(reference)) / 365.25
	supply := a.supply * math.Max(1+.02*years, .2)
	if a.maxSupply > 0 {
		supply = math.Min(supply, a.maxSupply)
	}
	return math.Round(supply*100) / 100
}

// decimals returns how many decimals a price has on a day: the API changed that twice, and mixes them within one history.
func (a *Asset) decimals(t time.Time) int {
	draw := a.digits.uniform(uint64(dayNumber(t)))
	switch {
	case a.price < .001 || draw < .2:
		return 28
	case draw < .35:
		return 24
	case draw < .5:
		return 20
	case t.Before(date(2025, 11, 1)):
		return 16
	}
	return 18
}

func (m *Market) priceText(a *Asset, t time.Time) string {
	return decimalText(m.price(a, t), a.decimals(t), a.digits, uint64(t.UnixMilli()))
}
