package market

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mark ends the name of every asset wherever it is shown, so that nobody takes these prices for real ones.
const Mark = " (synthetic)"

// Row is an asset as /assets shows it. Nil is null.
type Row struct {
	ID                string              `json:"id"`
	Rank              string              `json:"rank"`
	Symbol            string              `json:"symbol"`
	Name              string              `json:"name"`
	Supply            string              `json:"supply"`
	MaxSupply         *string             `json:"maxSupply"`
	MarketCapUsd      string              `json:"marketCapUsd"`
	VolumeUsd24Hr     string              `json:"volumeUsd24Hr"`
	PriceUsd          string              `json:"priceUsd"`
	ChangePercent24Hr string              `json:"changePercent24Hr"`
	Vwap24Hr          *string             `json:"vwap24Hr"`
	Explorer          *string             `json:"explorer"`
	Tokens            map[string][]string `json:"tokens"`
}

// Listing is the assets that there are at one time, by rank.
type Listing struct {
	market *Market
	at     time.Time
	ranked []ranked
}

type ranked struct {
	*Asset
	price, cap float64
}

// Listing ranks the assets by their market cap at the time.
func (m *Market) Listing(t time.Time) *Listing {
	l := &Listing{market: m, at: t}
	for _, a := range m.assets {
		if t.Before(a.born) {
			continue
		}
		price := m.price(a, t)
		l.ranked = append(l.ranked, ranked{a, price, price * a.supplyAt(t)})
	}
	slices.SortFunc(l.ranked, func(a, b ranked) int { return cmp.Or(cmp.Compare(b.cap, a.cap), cmp.Compare(a.n, b.n)) })
	return l
}

// Rows returns the rows that keep accepts by slug and symbol, skipping offset of them, at most limit.
func (l *Listing) Rows(keep func(id, symbol string) bool, offset, limit int) []Row {
	rows := []Row{}
	for i, r := range l.ranked {
		if !keep(r.ID(l.at), r.Symbol(l.at)) {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if len(rows) == limit {
			break
		}
		rows = append(rows, l.row(r, i+1))
	}
	return rows
}

func (l *Listing) row(r ranked, rank int) Row {
	m, t, a := l.market, l.at, r.Asset
	day := uint64(dayNumber(t))
	digits := 16
	if !t.Before(date(2025, 11, 1)) {
		digits = 18
	}
	before := m.price(a, t.Add(-24*time.Hour))
	turnover := .02 + .1*a.own.uniform(20)
	volume := r.cap * turnover * math.Exp(.5*a.walkOf.normal(day))
	row := Row{
		ID: a.ID(t), Rank: strconv.Itoa(rank), Symbol: a.Symbol(t), Name: a.name + Mark,
		Supply:            amountText(a.supplyAt(t), digits),
		MarketCapUsd:      decimalText(r.cap, digits, a.digits, day),
		VolumeUsd24Hr:     decimalText(volume, digits, a.digits, day+1),
		PriceUsd:          m.priceText(a, t),
		ChangePercent24Hr: floatText((r.price/before - 1) * 100),
		Tokens:            map[string][]string{},
	}
	if a.maxSupply > 0 {
		largest := amountText(a.maxSupply, digits)
		row.MaxSupply = &largest
	}
	// The real one lacks it now and then, for a whole day, even among the first ten.
	if a.digits.uniform(day<<8) > .06 {
		vwap := floatText((r.price + before + m.price(a, t.Add(-8*time.Hour)) + m.price(a, t.Add(-16*time.Hour))) / 4)
		row.Vwap24Hr = &vwap
	}
	if a.own.uniform(21) > .05 {
		explorer := "https://explorer.invalid/" + a.ID(t)
		row.Explorer = &explorer
	}
	if a.tokens != "" {
		row.Tokens["1"] = []string{fmt.Sprintf("0x%016x%016x%08x", a.own.bits(30), a.own.bits(31), a.own.bits(32)>>32)}
		if a.own.uniform(33) < .2 {
			row.Tokens["56"] = []string{fmt.Sprintf("0x%016x%016x%08x", a.own.bits(34), a.own.bits(35), a.own.bits(36)>>32)}
		}
	}
	return row
}

// Asset finds an asset by the slug that it has at the time, with its row; ok is false when there is none, which is also
// what becomes of a slug after its asset was renamed.
func (l *Listing) Asset(id string) (row Row, ok bool) {
	for i, r := range l.ranked {
		if r.ID(l.at) == id {
			return l.row(r, i+1), true
		}
	}
	return Row{}, false
}

// Point is one point of a history.
type Point struct {
	PriceUsd          string `json:"priceUsd"`
	Time              int64  `json:"time"`
	CirculatingSupply string `json:"circulatingSupply,omitempty"`
	Date              string `json:"date"`
}

// History returns the points of the asset that has the slug now, at every multiple of step from start to end, both
// inclusive. Points a day or more apart lack the supply, and some days are missing. ok is false for an unknown slug;
// an asset that did not exist yet has no points.
func (m *Market) History(id string, step time.Duration, start, end, now time.Time) (points []Point, ok bool) {
	var asset *Asset
	for _, a := range m.assets {
		if a.ID(now) == id {
			asset = a
			break
		}
	}
	if asset == nil {
		return nil, false
	}
	if end.After(now) {
		end = now
	}
	if start.Before(asset.born) {
		start = asset.born
	}
	points = []Point{}
	width := step.Milliseconds()
	first := (start.UnixMilli() + width - 1) / width * width
	for ms := first; ms <= end.UnixMilli(); ms += width {
		t := time.UnixMilli(ms).UTC()
		if asset.hole(t) {
			continue
		}
		p := Point{PriceUsd: m.priceText(asset, t), Time: ms, Date: t.Format("2006-01-02T15:04:05.000Z")}
		if step < 24*time.Hour {
			p.CirculatingSupply = amountText(asset.supplyAt(t), 16)
		}
		points = append(points, p)
	}
	return points, true
}

// hole reports a day whose points are missing. Two holes are in every history, as in the real one (17 to 23 January 2018,
// 19 and 20 July 2024); the rest are the asset's own, two to four days in each of some 70 weeks, and never in the first
// three assets, which examples show.
func (a *Asset) hole(t time.Time) bool {
	if !t.Before(date(2018, 1, 17)) && t.Before(date(2018, 1, 24)) || !t.Before(date(2024, 7, 19)) && t.Before(date(2024, 7, 21)) {
		return true
	}
	day := dayNumber(t)
	week, weekday := uint64(day/7), uint64(day%7)
	return a.n >= 3 && a.own.uniform(week<<16) < 1./70 && weekday >= 1 && weekday <= 2+a.own.bits(week<<16+1)%3
}

// Matches is the API's search: a part of the slug or the symbol, in any case.
func Matches(search, id, symbol string) bool {
	search = strings.ToLower(search)
	return strings.Contains(id, search) || strings.Contains(strings.ToLower(symbol), search)
}
