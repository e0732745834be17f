// Package search finds what a person names: tables, columns by name and meaning, models, assets, objects and snapshots. It looks into
// an index of names; objects are found by the beginning of their key, through the ledger's index.
package search

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
)

//go:embed search.html
var files embed.FS

const (
	// patience bounds one search.
	patience = 5 * time.Second
	// mostOfAKind bounds the hits of each kind, and longest the text that is looked for.
	mostOfAKind = 8
	longest     = 300
)

// Pages are those of the search.
type Pages struct {
	lake   *lake.Lake
	models *gold.Set
	items  []web.Item
	assets assets
}

// Add adds the search to a site. items are the pages that it finds by their names.
func Add(s *web.Site, l *lake.Lake, models *gold.Set, items []web.Item) {
	p := &Pages{lake: l, models: models, items: items, assets: assets{lake: l}}
	web.Show(s, web.View[Found]{
		Path: "/search", Markup: web.Parse(files, nil, "search.html"),
		About:      "What a text finds: pages, tables, columns, models, assets, objects and snapshots.",
		Parameters: []web.Parameter{{Name: "q", About: "The text."}},
		Read: func(r *http.Request) (Found, error) {
			found, err := p.find(r.Context(), r.URL.Query().Get("q"))
			found.site = web.Origin(r)
			return found, err
		},
		Title: func(Found) string { return "Search" },
		Command: func(f Found) string {
			return cli.ShellLine("curl", "-G", f.site+"/api/v1/search", "--data-urlencode", "q="+f.Query)
		},
	})
}

// Found is what a text finds, the best hit first.
type Found struct {
	Query string `json:"query"`
	Hits  []Hit  `json:"hits"`
	site  string
}

// Hit is something that a text finds.
type Hit struct {
	// Kind is page, table, column, model, asset, object or snapshot.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Text says more of it: the meaning of a column, the time of a snapshot.
	Text string `json:"text,omitempty"`
	// Path is the page that shows it.
	Path string `json:"path"`

	rank int
}

func (p *Pages) find(ctx context.Context, text string) (Found, error) {
	f := Found{Query: strings.TrimSpace(text), Hits: []Hit{}}
	if len(f.Query) > longest {
		return f, web.BadRequest("a text of %d bytes is too long to look for", len(f.Query))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	view, err := p.lake.View(ctx)
	if err != nil {
		return f, err
	}
	f.Hits = p.pages(f.Query)
	if f.Query == "" {
		return f, nil
	}
	for _, look := range []func(context.Context, *lake.View, string) ([]Hit, error){p.tables, p.inModels, p.snapshots, p.inAssets, p.objects} {
		hits, err := look(ctx, view, f.Query)
		if err != nil {
			return f, err
		}
		f.Hits = append(f.Hits, best(hits)...)
	}
	slices.SortStableFunc(f.Hits, func(a, b Hit) int { return cmp.Compare(a.rank, b.rank) })
	return f, nil
}

// pages finds pages by their names; "" finds all of them.
func (p *Pages) pages(text string) []Hit {
	hits := []Hit{}
	for _, item := range p.items {
		if rank := rankOf(text, item.Name, ""); rank != none {
			hits = append(hits, Hit{Kind: "page", Name: item.Name, Path: item.Path, rank: rank})
		}
	}
	return hits
}

// best are the first hits of each kind.
func best(hits []Hit) []Hit {
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(a.rank, b.rank) })
	seen := map[string]int{}
	return slices.DeleteFunc(hits, func(h Hit) bool {
		seen[h.Kind]++
		return h.rank == none || seen[h.Kind] > mostOfAKind
	})
}

// The ranks of hits: the name itself, its beginning, the beginning of one of its words, a part of it, a part of its meaning.
const (
	exact = iota
	begins
	word
	part
	meaning
	none
)

// rankOf tells how well a text finds a name or its meaning. Every word of the text has to be in one of them.
func rankOf(text, name, about string) int {
	text, name, about = strings.ToLower(text), strings.ToLower(name), strings.ToLower(about)
	switch {
	case name == text:
		return exact
	case strings.HasPrefix(name, text):
		return begins
	}
	words := strings.Fields(text)
	rank := word
	for _, w := range words {
		i := strings.Index(name, w)
		switch {
		case i == 0 || i > 0 && strings.ContainsRune("._-/ ", rune(name[i-1])):
		case i > 0:
			rank = max(rank, part)
		case strings.Contains(about, w):
			rank = max(rank, meaning)
		default:
			return none
		}
	}
	return rank
}
