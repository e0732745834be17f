package market

import (
	"fmt"
	"net/http"

	"millrace/reactor/console/web"
	"millrace/reactor/duck"
)

// Series are lines over time, as the charts take them.
type Series struct {
	// Time is in seconds since 1970.
	Time   []int64 `json:"time"`
	Series []Line  `json:"series"`
}

// Line is one of them; a value is null where there is none.
type Line struct {
	Name   string `json:"name"`
	Unit   string `json:"unit,omitempty"`
	Values []any  `json:"values"`
}

// chart is what a chart shows: the lines, and the query that gives the time and their values. %s is the asset.
type chart struct {
	lines []Line
	sql   string
}

var charts = map[string]chart{
	"price": {[]Line{{Name: "close", Unit: "USD"}, {Name: "average of 7 days", Unit: "USD"}, {Name: "of 30", Unit: "USD"}, {Name: "of 90", Unit: "USD"}},
		`select epoch(s.day)::bigint, s.close::double, a.sma_7::double, a.sma_30::double, a.sma_90::double from gold.daily_summary as s
		left join gold.rolling_averages as a using (asset_id, day) where s.asset_id = %s order by 1`},
	"risk": {[]Line{{Name: "volatility a year"}, {Name: "drawdown"}},
		"select epoch(day)::bigint, volatility_30d::double, drawdown::double from gold.rolling_averages where asset_id = %s order by 1"},
	"rank": {[]Line{{Name: "rank"}, {Name: "dominance", Unit: "%"}},
		"select epoch(day)::bigint, rank::double, dominance_pct::double from gold.rankings where asset_id = %s order by 1"},
	"market": {[]Line{{Name: "market cap", Unit: "USD"}, {Name: "volume", Unit: "USD"}},
		"select epoch(day)::bigint, total_market_cap_usd::double, total_volume_usd::double from gold.market_summary where %s is not null order by 1"},
	"breadth": {[]Line{{Name: "advancers"}, {Name: "decliners"}},
		"select epoch(day)::bigint, advancers::double, decliners::double from gold.market_summary where %s is not null order by 1"},
}

// series reads the lines of ?chart= for ?asset=.
func (p *Pages) series(r *http.Request) (Series, error) {
	c, ok := charts[r.URL.Query().Get("chart")]
	if !ok {
		return Series{}, web.NotFound("there is no chart %q", r.URL.Query().Get("chart"))
	}
	found := Series{Time: []int64{}, Series: make([]Line, len(c.lines))}
	for i, l := range c.lines {
		l.Values = []any{}
		found.Series[i] = l
	}
	err := p.each(r.Context(), fmt.Sprintf(c.sql, duck.Quote(r.URL.Query().Get("asset"))), func(row []any) {
		at, _ := row[0].(int64)
		found.Time = append(found.Time, at)
		for i := range found.Series {
			found.Series[i].Values = append(found.Series[i].Values, row[1+i])
		}
	})
	return found, err
}
