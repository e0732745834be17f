// Package now is the console's first page: whether the lake is healthy, and the last objects on their way from bronze to gold.
package now

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/console/web"
	"millrace/reactor/health"
	"millrace/reactor/lake"
)

//go:embed now.html
var files embed.FS

// Config is what the page reads.
type Config struct {
	Lake  *lake.Lake
	JS    jetstream.JetStream
	Parts func(context.Context) []health.Part
}

// Page is the first page.
type Page struct {
	cfg    Config
	times  times
	markup *template.Template
}

// every is how often a page that somebody looks at is made anew: a PUT is seen within a second.
const every = 500 * time.Millisecond

// Add adds the page to a site.
func Add(s *web.Site, cfg Config) {
	p := &Page{cfg: cfg, times: times{lake: cfg.Lake}, markup: web.Parse(files, sums, "now.html")}
	web.Show(s, web.View[State]{
		Path: "/", Item: "Now", Markup: p.markup,
		About:   "How the lake stands: what is ready, the last objects, tables, queues.",
		Read:    func(r *http.Request) (State, error) { return p.state(r.Context()), nil },
		Title:   func(State) string { return "Now" },
		Command: func(State) string { return "stack status" },
	})
	s.Handle("GET /now/live", &web.Live{Every: every, Make: p.live})
}

// sums are what the markup works out of the state.
var sums = template.FuncMap{
	"sumRows": func(tables []Table) (n int64) {
		for _, t := range tables {
			n += t.Rows
		}
		return n
	},
	"barWidth": func(n, highest int) int { return max(2, 160*n/highest) },
}

// live makes the part of the page that changes.
func (p *Page) live(ctx context.Context) []byte {
	var b bytes.Buffer
	if err := p.markup.ExecuteTemplate(&b, "live", p.state(ctx)); err != nil {
		return fmt.Appendf(nil, `<p class="problem">%s</p>`, html.EscapeString(err.Error()))
	}
	return b.Bytes()
}
