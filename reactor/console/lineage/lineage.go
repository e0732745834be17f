// Package lineage is the console's page of where tables and rows come from: one step each way from a table, and from one row down
// to the objects in bronze.
package lineage

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	of "millrace/reactor/lineage"
	"millrace/reactor/progress"
	"millrace/reactor/tables"
)

//go:embed *.html
var files embed.FS

// Page is the page of lineage.
type Page struct {
	lake   *lake.Lake
	bucket bucket.Bucket
	models *gold.Set
}

// Add adds the page to a site.
func Add(s *web.Site, l *lake.Lake, b bucket.Bucket, models *gold.Set) {
	p := &Page{l, b, models}
	web.Show(s, web.View[Lineage]{
		Path: "/lineage", Item: "Lineage", Markup: web.Parse(files, nil, "lineage.html"),
		About:      "What a table is made of, what reads it, and where one of its rows comes from.",
		Parameters: []web.Parameter{{Name: "table", About: "The table."}, {Name: "key", About: "A value of the row's key; once for each column, in the order of the key."}},
		Read:       p.read,
		Title:      func(l Lineage) string { return strings.TrimSuffix("Lineage of "+l.Table, " of ") },
		Command:    func(l Lineage) string { return l.command() },
	})
	web.Show(s, web.View[Audits]{
		Path: "/lineage/audits", Item: "Lineage", Markup: web.Parse(files, nil, "audits.html"),
		About:      "The audits of a gold table with their last results, and what they found in its last steps.",
		Parameters: []web.Parameter{{Name: "table", About: "The table."}},
		Read:       p.audits,
		Title:      func(a Audits) string { return "Audits of " + a.Table },
		Command:    func(Audits) string { return "reactor audit" },
	})
	web.Show(s, web.View[Plan]{
		Path: "/lineage/plan", Item: "Lineage", Markup: web.Parse(files, nil, "plan.html"), Posted: true,
		About:      "What a start would do in gold if a model had another text. Nothing is written.",
		Parameters: []web.Parameter{{Name: "table", About: "The model's table."}, {Name: "sql", About: "The text of its file to try; the present one is shown if it is left out."}},
		Read:       p.plan,
		Title:      func(p Plan) string { return "Plan of " + p.Table },
		Command:    func(Plan) string { return "reactor plan" },
	})
}

// Lineage is where a table comes from and what comes of it; and where one of its rows comes from.
type Lineage struct {
	Table string `json:"table,omitempty"`
	// Tables are those to choose from.
	Tables []string `json:"tables"`
	// Key are the columns that tell rows apart, Values the row's that was asked for.
	Key    []string `json:"key,omitempty"`
	Values []string `json:"values,omitempty"`
	// Reads are the tables that the model of the table reads, ReadBy those whose models read the table.
	Reads  []string `json:"reads"`
	ReadBy []string `json:"read_by"`
	Model  *Model   `json:"model,omitempty"`
	// Nodes are the row's lineage: the row first, then what it is made of, depth first.
	Nodes []Node `json:"nodes,omitempty"`
	// Wrong says why there is no lineage of the row.
	Wrong string `json:"error,omitempty"`
}

// Model is the SQL that makes a table of gold.
type Model struct {
	File     string  `json:"file"`
	Digest   string  `json:"digest"`
	Lookback string  `json:"lookback"`
	SQL      string  `json:"sql"`
	Audits   []Audit `json:"audits"`
}

func (l Lineage) command() string {
	switch {
	case l.Table == "":
		return "reactor trace TABLE KEY…"
	case len(l.Values) == 0:
		return cli.ShellLine("reactor", "trace", l.Table) + " KEY…"
	}
	return cli.ShellLine(append([]string{"reactor", "trace", l.Table}, l.Values...)...)
}

func (p *Page) read(r *http.Request) (Lineage, error) {
	l := Lineage{Table: r.URL.Query().Get("table"), Tables: tables.All(p.models), Reads: []string{}, ReadBy: []string{}}
	if l.Table == "" {
		return l, nil
	}
	view, err := p.lake.View(r.Context())
	if err != nil {
		return l, err
	}
	t, ok := view.Tables[l.Table]
	if !ok {
		return l, web.NotFound("there is no table %s", l.Table)
	}
	l.Key = tables.KeyOf(t)
	if err := p.neighbours(r.Context(), &l); err != nil {
		return l, err
	}
	for _, v := range r.URL.Query()["key"] {
		if v != "" {
			l.Values = append(l.Values, v)
		}
	}
	if len(l.Values) == 0 {
		return l, nil
	}
	return l, p.trace(r.Context(), &l)
}

// neighbours finds the models that make a table and read it.
func (p *Page) neighbours(ctx context.Context, l *Lineage) (err error) {
	for _, m := range p.models.Models {
		if slices.Contains(m.Inputs, l.Table) {
			l.ReadBy = append(l.ReadBy, m.Name)
		}
	}
	m, ok := p.models.Model(l.Table)
	if !ok {
		return nil
	}
	l.Reads = slices.Clone(m.Inputs)
	l.Model = &Model{File: m.File, Digest: m.Digest, SQL: m.SQL, Lookback: fmt.Sprintf("%d days", m.Lookback)}
	if m.Lookback == plan.AllDays {
		l.Model.Lookback = "all days before"
	}
	steps, err := p.lake.Audits(ctx, m.Name, audited)
	l.Model.Audits = p.auditsOf(m, steps)
	return err
}

// trace finds out where a row comes from. What is wrong with the values is shown beside the form.
func (p *Page) trace(ctx context.Context, l *Lineage) error {
	tracer := of.Tracer{Lake: p.lake, Bucket: p.bucket, Models: func(context.Context) (*gold.Set, error) { return p.models, nil }, Show: progress.Silent}
	nodes, err := tracer.Trace(ctx, l.Table, l.Values)
	var wrong of.KeyError
	switch {
	case errors.As(err, &wrong):
		l.Wrong = err.Error()
	case errors.Is(err, of.ErrNoRow):
		l.Wrong = err.Error()
	case err != nil:
		return err
	}
	for _, n := range nodes {
		l.Nodes = append(l.Nodes, nodeOf(n))
	}
	return nil
}
