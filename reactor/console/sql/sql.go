// Package sql is the console's page for queries: the same that `reactor query` answers, behind the same locks, as rows, as a chart
// and as files.
package sql

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/console/web"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

//go:embed sql.html
var files embed.FS

const (
	// downloadPatience bounds a query whose rows are downloaded.
	downloadPatience = 10 * time.Minute
	// memory is what one query may take; beyond it its rows spill to disk.
	memory = "128MiB"
	// mostAtOnce is how many queries run at a time; the others wait. Each has a database of its own, beside the reactor's work.
	mostAtOnce = 4
)

// Pages are those of queries.
type Pages struct {
	lake    *lake.Lake
	slots   chan struct{} // one for each query that runs
	running prometheus.Gauge
}

// Add adds the page to a site, and a result's chart and files. metrics may be nil.
func Add(s *web.Site, l *lake.Lake, metrics prometheus.Registerer) {
	p := &Pages{lake: l, slots: make(chan struct{}, mostAtOnce), running: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "millrace_console_queries", Help: "Queries of the console's SQL page that run now.",
	})}
	if metrics != nil {
		metrics.MustRegister(p.running)
	}
	web.Show(s, web.View[Result]{
		Path: "/sql", Item: "SQL", Markup: web.Parse(files, nil, "sql.html"),
		About:      "The rows of a query, a page of them.",
		Parameters: []web.Parameter{{Name: "sql", About: "One statement of DuckDB's SQL over silver and gold."}, {Name: "as-of", About: "A time, a day or a snapshot."}, {Name: "ref", About: "A branch or a tag."}, {Name: "offset", About: "How many rows to leave out."}},
		Read:       p.result,
		Title:      func(Result) string { return "SQL" },
		Command:    func(r Result) string { return r.command() },
	})
	web.Show(s, web.View[Chart]{
		Path: "/sql-chart", Read: p.chart,
		About: "The rows of a query as lines, for a chart.",
		Parameters: []web.Parameter{
			{Name: "sql", About: "The query."}, {Name: "as-of", About: "A time, a day or a snapshot."}, {Name: "ref", About: "A branch or a tag."},
			{Name: "x", About: "The column along the chart."}, {Name: "y", About: "A column of values; once for each line."}, {Name: "by", About: "A column that makes a line of each of its values."},
		},
	})
	s.Handle("GET /sql.csv", p.download(csvFile))
	s.Handle("GET /sql.parquet", p.download(parquetFile))
}

var errBusy = errors.New("other queries of this page are still running, and this one has waited for them in vain: cancel one, or run it again")

// ask runs a question when there is room for it. It ends with ctx: a browser that goes away, or cancels, stops the query.
func (p *Pages) ask(ctx context.Context, q Question, show func(*query.Result) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return &web.Problem{Status: http.StatusServiceUnavailable, Err: errBusy}
	}
	p.running.Inc()
	defer p.running.Dec()
	err := query.Ask(ctx, query.Config{Lake: p.lake, AsOf: q.when(), Memory: memory}, q.SQL, show)
	if errors.Is(err, query.ErrAsOf) {
		return web.BadRequest("as of: %w", err)
	}
	return err
}
