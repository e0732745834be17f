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
	"sync"
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
	Measures
}

// Page is the first page.
type Page struct {
	cfg    Config
	recent recent
	markup *template.Template

	mu   sync.Mutex
	last look
}

// every is how often a page that somebody looks at is made anew: a PUT is seen within a second.
const every = 500 * time.Millisecond

// Add adds the page to a site.
func Add(s *web.Site, cfg Config) {
	p := &Page{cfg: cfg, recent: recent{lake: cfg.Lake}, markup: web.Parse(files, sums, "now.html")}
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

// live makes the part of the page that changes. While nothing has, it is the one that was made before.
func (p *Page) live(ctx context.Context) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.look(ctx)
	if p.last.part != nil {
		return p.last.part
	}
	var b bytes.Buffer
	if err := p.markup.ExecuteTemplate(&b, "live", state); err != nil {
		return fmt.Appendf(nil, `<p class="problem">%s</p>`, html.EscapeString(err.Error()))
	}
	p.last.part = b.Bytes()
	return p.last.part
}
