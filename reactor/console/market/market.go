// Package market is the console's pages of what the data is for: rankings, prices and averages. It says where they are made up.
package market

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"slices"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

//go:embed *.html
var files embed.FS

// memory is what the query of a page may take; beyond it rows spill to disk.
const memory = "64MiB"

// Pages are those of the market.
type Pages struct {
	lake   *lake.Lake
	origin *Origin
	// What a query gives stays as it is while the tables that it reads are.
	results *web.Memo[[][]any]
}

// remembered is how many results are kept; the largest has a row for each day of an asset.
const remembered = 64

// Add adds the pages to a site.
func Add(s *web.Site, l *lake.Lake, origin *Origin) {
	p := &Pages{lake: l, origin: origin, results: web.NewMemo[[][]any](remembered)}
	web.Show(s, web.View[Ranking]{
		Path: "/market", Item: "Market", Markup: web.Parse(files, nil, "ranking.html"),
		About: "The assets of the last day by market cap.",
		Read:  p.ranking,
		Title: func(Ranking) string { return "Market" },
		Command: func(Ranking) string {
			return cli.ShellLine("reactor", "query", "from gold.rankings where day = (select max(day) from gold.rankings) order by rank")
		},
	})
	web.Show(s, web.View[Asset]{
		Path: "/market/{asset}", Item: "Market", Markup: web.Parse(files, nil, "asset.html"),
		About: "The figures of an asset on its last day.",
		Read:  p.asset,
		Title: func(a Asset) string { return a.ID },
		Command: func(a Asset) string {
			return cli.ShellLine("reactor", "query", "from gold.rolling_averages where asset_id = "+duck.Quote(a.ID)+" order by day")
		},
	})
	web.Show(s, web.View[Series]{
		Path: "/market-series", Read: p.series,
		About:      "Lines over time, for a chart.",
		Parameters: []web.Parameter{{Name: "chart", About: "One of price, risk, rank, market and breadth."}, {Name: "asset", About: "The asset, where the chart is of one."}},
	})
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

// read are the tables that the queries of these pages read.
var read = []string{"gold.daily_summary", "gold.market_summary", "gold.rankings", "gold.rolling_averages", "silver.asset_snapshots"}

// each runs a query and gives each of its rows to take.
func (p *Pages) each(ctx context.Context, sql string, take func([]any)) error {
	view, err := p.lake.View(ctx)
	if err != nil {
		return err
	}
	key := sql
	for _, name := range read {
		if t := view.Tables[name]; t != nil {
			key += "\n" + t.Location
		}
	}
	rows, err := p.results.Of(key, func() ([][]any, error) { return p.ask(ctx, sql) })
	for _, row := range rows {
		take(row)
	}
	return err
}

func (p *Pages) ask(ctx context.Context, sql string) (rows [][]any, err error) {
	err = query.Ask(ctx, query.Config{Lake: p.lake, Memory: memory}, sql, func(a *query.Result) error {
		for row, err := range a.Cells() {
			if err != nil {
				return err
			}
			rows = append(rows, slices.Clone(row))
		}
		return nil
	})
	return rows, err
}
