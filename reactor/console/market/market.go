// Package market is the console's pages of what the data is for: rankings, prices and averages. It says where they are made up.
package market

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

//go:embed *.html
var files embed.FS

const (
	// patience bounds the query of a page.
	patience = 20 * time.Second
	// memory is what it may take; beyond it rows spill to disk.
	memory = "64MiB"
)

// Pages are those of the market.
type Pages struct {
	lake   *lake.Lake
	origin *Origin
}

// Add adds the pages to a site.
func Add(s *web.Site, l *lake.Lake, origin *Origin) {
	p := &Pages{l, origin}
	web.Show(s, web.View[Ranking]{
		Path: "/market", Item: "Market", Markup: web.Parse(files, nil, "ranking.html"),
		Read:  p.ranking,
		Title: func(Ranking) string { return "Market" },
		Command: func(Ranking) string {
			return cli.ShellLine("reactor", "query", "from gold.rankings where day = (select max(day) from gold.rankings) order by rank")
		},
	})
	web.Show(s, web.View[Asset]{
		Path: "/market/{asset}", Item: "Market", Markup: web.Parse(files, nil, "asset.html"),
		Read:  p.asset,
		Title: func(a Asset) string { return a.ID },
		Command: func(a Asset) string {
			return cli.ShellLine("reactor", "query", "from gold.rolling_averages where asset_id = "+duck.Quote(a.ID)+" order by day")
		},
	})
	s.Handle("GET /api/v1/market-series", http.HandlerFunc(p.series(s)))
}

// Ranking is the assets of the last day.
type Ranking struct {
	Synthetic bool    `json:"synthetic"`
	Day       any     `json:"day"`
	Assets    []Place `json:"assets"`
}

// Place is an asset in the ranking. What is not known is null.
type Place struct {
	Rank      any    `json:"rank"`
	ID        string `json:"asset_id"`
	Name      any    `json:"name"`
	Close     any    `json:"close"`
	Return1D  any    `json:"return_1d"`
	MarketCap any    `json:"market_cap_usd"`
	Dominance any    `json:"dominance_pct"`
	Climbed   any    `json:"rank_change_7d"`
}

// lastDay is the ranking of the last day, with what the other tables say of its assets.
const lastDay = `select r.rank, r.asset_id, n.name, s.close, a.return_1d, r.market_cap_usd, r.dominance_pct, r.rank_change_7d, r.day
	from gold.rankings as r
	left join gold.daily_summary as s using (asset_id, day)
	left join gold.rolling_averages as a using (asset_id, day)
	left join (select asset_id, arg_max(name, observed_at) as name from silver.asset_snapshots group by asset_id) as n using (asset_id)
	where r.day = (select max(day) from gold.rankings) order by r.rank limit 250`

func (p *Pages) ranking(r *http.Request) (Ranking, error) {
	found := Ranking{Assets: []Place{}, Synthetic: p.origin.Synthetic(r.Context())}
	err := p.each(r.Context(), lastDay, func(row []any) {
		found.Day = row[8]
		found.Assets = append(found.Assets, Place{
			Rank: row[0], ID: fmt.Sprint(row[1]), Name: row[2], Close: row[3], Return1D: row[4], MarketCap: row[5], Dominance: row[6], Climbed: row[7],
		})
	})
	return found, err
}

// Asset is one asset on its last day.
type Asset struct {
	ID        string   `json:"asset_id"`
	Name      any      `json:"name"`
	Synthetic bool     `json:"synthetic"`
	Day       any      `json:"day"`
	Figures   []Figure `json:"figures"`
}

// Figure is a value of the last day.
type Figure struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	Unit  string `json:"unit"`
}

const ofAsset = `select s.day, n.name, s.close, r.rank, s.market_cap_usd, s.volume_usd_24h, a.sma_7, a.sma_30, a.return_30d, a.volatility_30d, a.drawdown
	from gold.daily_summary as s
	left join gold.rolling_averages as a using (asset_id, day)
	left join gold.rankings as r using (asset_id, day)
	left join (select asset_id, arg_max(name, observed_at) as name from silver.asset_snapshots group by asset_id) as n using (asset_id)
	where s.asset_id = %s order by s.day desc limit 1`

func (p *Pages) asset(r *http.Request) (Asset, error) {
	a := Asset{ID: r.PathValue("asset"), Synthetic: p.origin.Synthetic(r.Context())}
	err := p.each(r.Context(), fmt.Sprintf(ofAsset, duck.Quote(a.ID)), func(row []any) {
		a.Day, a.Name = row[0], row[1]
		for i, f := range []Figure{
			{Name: "price", Unit: "USD"}, {Name: "rank"}, {Name: "market cap", Unit: "USD"}, {Name: "volume of 24 h", Unit: "USD"}, {Name: "average of 7 days", Unit: "USD"},
			{Name: "average of 30 days", Unit: "USD"}, {Name: "change in 30 days"}, {Name: "volatility a year"}, {Name: "drawdown"},
		} {
			f.Value = row[2+i]
			a.Figures = append(a.Figures, f)
		}
	})
	if err == nil && a.Day == nil {
		return a, web.NotFound("gold has no asset %s: the page Market lists those it has", a.ID)
	}
	return a, err
}

// each runs a query and gives each of its rows to take.
func (p *Pages) each(ctx context.Context, sql string, take func([]any)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return query.Ask(ctx, query.Config{Lake: p.lake, Memory: memory}, sql, func(a *query.Result) error {
		for row, err := range a.Cells() {
			if err != nil {
				return err
			}
			take(row)
		}
		return nil
	})
}
