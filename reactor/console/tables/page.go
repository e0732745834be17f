// Package tables is the console's pages of tables: all of them, and of one its columns, rows, snapshots, files and changes.
package tables

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"

	"github.com/apache/iceberg-go/table"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/lake"
)

//go:embed *.html
var files embed.FS

// Pages are those of tables.
type Pages struct {
	lake     *lake.Lake
	postgres string
	// What was read from a table's files stays as it is while its metadata is the same.
	previews *web.Memo[Rows]
	profiles *web.Memo[Profile]
	compared *web.Memo[Changes]
}

// remembered is how many answers of each kind are kept.
const remembered = 64

// memoKey tells a table's states apart, and what of them was asked for.
func memoKey(t *lake.Table, snapshots ...*table.Snapshot) string {
	key := t.Location
	for _, s := range snapshots {
		key += fmt.Sprintf(" %d", lake.IDOf(s))
	}
	return key
}

// Add adds the pages to a site. postgres is where clients of PostgreSQL are let in, "" for nowhere.
func Add(s *web.Site, l *lake.Lake, postgres string) {
	p := &Pages{lake: l, postgres: postgres, previews: web.NewMemo[Rows](remembered), profiles: web.NewMemo[Profile](remembered), compared: web.NewMemo[Changes](remembered)}
	web.Show(s, web.View[Engines]{
		Path: "/tables/{table}/engines", Item: "Tables", Markup: web.Parse(files, nil, "engines.html", "tabs.html"),
		About:   "What to type into other programs to read a table.",
		Read:    p.engines,
		Title:   func(e Engines) string { return e.Table + " in other programs" },
		Command: func(e Engines) string { return cli.ShellLine("reactor", "query", "from "+e.Table) },
	})
	web.Show(s, web.View[List]{
		Path: "/tables", Item: "Tables", Markup: web.Parse(files, nil, "list.html"),
		About:   "Every table with its rows, files and last commit.",
		Read:    func(r *http.Request) (List, error) { return p.list(r.Context()) },
		Title:   func(List) string { return "Tables" },
		Command: func(List) string { return "reactor tables" },
	})
	web.Show(s, web.View[One]{
		Path: "/tables/{table}", Item: "Tables", Markup: web.Parse(files, nil, "one.html", "tabs.html"),
		About:      "A table: its columns, and the last rows as of a snapshot.",
		Parameters: []web.Parameter{{Name: "at", About: "A snapshot by number, tag or time; the current one if it is left out."}},
		Read:       func(r *http.Request) (One, error) { return p.one(r) },
		Title:      func(o One) string { return o.Table },
		Command:    func(o One) string { return o.command() },
	})
	web.Show(s, web.View[Profile]{
		Path: "/tables/{table}/profile", Item: "Tables", Markup: web.Parse(files, nil, "profile.html", "tabs.html"),
		About:      "What each column of a table holds.",
		Parameters: []web.Parameter{{Name: "at", About: "A snapshot by number, tag or time; the current one if it is left out."}},
		Read:       p.profile,
		Title:      func(f Profile) string { return f.Table + ": columns in figures" },
		Command:    func(f Profile) string { return cli.ShellLine("reactor", "query", "summarize "+f.Table) },
	})
	web.Show(s, web.View[History]{
		Path: "/tables/{table}/snapshots", Item: "Tables", Markup: web.Parse(files, nil, "history.html", "tabs.html"),
		About:      "The snapshots that a table keeps, the newest first, a page of them.",
		Parameters: []web.Parameter{{Name: "before", About: "The snapshot that the page before ended with."}},
		Read:       p.history,
		Title:      func(h History) string { return h.Table + ": snapshots" },
		Command:    func(h History) string { return cli.ShellLine("reactor", "snapshots", h.Table) },
	})
	s.Act("/tables/{table}/rollback", p.rollback)
	web.Show(s, web.View[Changes]{
		Path: "/tables/{table}/changes", Item: "Tables", Markup: web.Parse(files, nil, "changes.html", "tabs.html"),
		About:      "The rows that differ between two snapshots of a table.",
		Parameters: []web.Parameter{{Name: "from", About: "A snapshot by number, tag or time; the one before to if it is left out."}, {Name: "to", About: "A snapshot by number, tag or time; the current one if it is left out."}},
		Read:       p.changes,
		Title:      func(c Changes) string { return c.Table + ": changes" },
		Command: func(c Changes) string {
			return cli.ShellLine("reactor", "changes", c.Table, "--from", fmt.Sprint(c.From.ID), "--to", fmt.Sprint(c.To.ID))
		},
	})
}

// find returns the table that an address names.
func (p *Pages) find(ctx context.Context, name string) (*lake.Table, error) {
	view, err := p.lake.View(ctx)
	if err != nil {
		return nil, err
	}
	t, ok := view.Tables[name]
	if !ok {
		return nil, web.NotFound("there is no table %s", name)
	}
	return t, nil
}

// snapshotOf returns the snapshot that a parameter of the address names, by number, tag or time; or else the current one.
func snapshotOf(ctx context.Context, t *lake.Table, query url.Values, parameter string) (*table.Snapshot, error) {
	s, err := t.Find(ctx, query.Get(parameter))
	if err != nil {
		return nil, web.NotFound("%w", err)
	}
	return s, nil
}
