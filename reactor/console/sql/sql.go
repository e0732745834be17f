// Package sql is the console's page for queries: the same that `reactor query` answers, behind the same locks.
package sql

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/reactor/console/web"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

//go:embed sql.html
var files embed.FS

const (
	// patience bounds a query of a page, and downloadPatience one whose rows are downloaded.
	patience         = 25 * time.Second
	downloadPatience = 10 * time.Minute
	// memory is what one query may take; beyond it its rows spill to disk.
	memory = "128MiB"
	// paged is how many rows a page shows.
	paged = 200
)

// Pages are those of queries.
type Pages struct{ lake *lake.Lake }

// Add adds the page to a site, and the download of a result.
func Add(s *web.Site, l *lake.Lake) {
	p := &Pages{l}
	web.Show(s, web.View[Result]{
		Path: "/sql", Item: "SQL", Markup: web.Parse(files, nil, "sql.html"),
		About:      "The rows of a query, a page of them.",
		Parameters: []web.Parameter{{Name: "sql", About: "One statement of DuckDB's SQL over silver and gold."}, {Name: "as-of", About: "A time, tag, now or yesterday."}, {Name: "offset", About: "How many rows to leave out."}},
		Read:       p.result,
		Title:      func(Result) string { return "SQL" },
		Command:    func(r Result) string { return r.command() },
	})
	s.Handle("GET /sql.csv", http.HandlerFunc(p.download))
}

// Result is a query and the part of its rows that a page shows.
type Result struct {
	SQL  string `json:"sql"`
	AsOf string `json:"as_of,omitempty"`
	// Columns are empty while nothing was asked.
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
	// Offset is the number of the first row that is shown; More tells that there are more after the last.
	Offset int           `json:"offset"`
	More   bool          `json:"more"`
	Took   time.Duration `json:"took_ns"`
	// Wrong says why there is no result.
	Wrong string `json:"error,omitempty"`
	// Schema are the columns of each table, for completion.
	Schema map[string][]string `json:"-"`
}

// First and Last are the numbers of the rows that are shown, from 1.
func (r Result) First() int { return r.Offset + 1 }

// Last is the number of the last row that is shown.
func (r Result) Last() int { return r.Offset + len(r.Rows) }

// Page is the address of the same query from another row on.
func (r Result) Page(offset int) string {
	return "/sql?" + r.values(offset).Encode()
}

// Next and Before are the pages beside this one.
func (r Result) Next() string { return r.Page(r.Offset + paged) }

// Before is the page before this one.
func (r Result) Before() string { return r.Page(max(0, r.Offset-paged)) }

// Download is the address of all rows as CSV.
func (r Result) Download() string { return "/sql.csv?" + r.values(0).Encode() }

func (r Result) values(offset int) url.Values {
	v := url.Values{"sql": {r.SQL}}
	if r.AsOf != "" {
		v.Set("as-of", r.AsOf)
	}
	if offset > 0 {
		v.Set("offset", strconv.Itoa(offset))
	}
	return v
}

func (r Result) command() string {
	if r.SQL == "" {
		return `reactor query "show tables"`
	}
	command := "reactor query "
	if r.AsOf != "" {
		command += "--as-of " + r.AsOf + " "
	}
	return command + "'" + strings.ReplaceAll(r.SQL, "'", `'\''`) + "'"
}

// errFull ends the reading of a result whose page is full.
var errFull = errors.New("the page is full")

func (p *Pages) result(r *http.Request) (Result, error) {
	values := r.URL.Query()
	res := Result{SQL: strings.TrimSpace(values.Get("sql")), AsOf: values.Get("as-of"), Columns: []string{}, Rows: [][]any{}}
	if text := values.Get("offset"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return res, web.BadRequest("offset is a number of rows, not %q", text)
		}
		res.Offset = n
	}
	var err error
	if res.Schema, err = p.schema(r.Context()); err != nil || res.SQL == "" {
		return res, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	began := time.Now()
	err = p.ask(ctx, res, res.take)
	res.Took = time.Since(began)
	return res, res.judge(ctx, err)
}

// judge keeps what is wrong with the query for the page; what is wrong with the lake is the page's own error.
func (r *Result) judge(ctx context.Context, err error) error {
	var bad *duck.Error
	var problem *web.Problem
	switch {
	case err == nil || errors.Is(err, errFull):
		return nil
	case ctx.Err() != nil:
		r.Wrong = fmt.Sprintf("the query took longer than %v: ask for less, or use `reactor query`, which has no limit", patience)
	case errors.As(err, &bad), errors.As(err, &problem):
		r.Wrong = err.Error()
	default:
		return err
	}
	return nil
}

func (p *Pages) ask(ctx context.Context, r Result, show func(*query.Result) error) error {
	err := query.Ask(ctx, query.Config{Lake: p.lake, AsOf: r.AsOf, Memory: memory}, r.SQL, show)
	if errors.Is(err, query.ErrAsOf) {
		return web.BadRequest("as of: %w", err)
	}
	return err
}

// take keeps the rows of the page.
func (r *Result) take(a *query.Result) error {
	r.Columns = a.Columns()
	n := 0
	for row, err := range a.Cells() {
		if err != nil {
			return err
		}
		if n++; n <= r.Offset {
			continue
		}
		if len(r.Rows) == paged {
			r.More = true
			return errFull
		}
		r.Rows = append(r.Rows, row)
	}
	return nil
}

// schema is the columns of each table.
func (p *Pages) schema(ctx context.Context) (map[string][]string, error) {
	view, err := p.lake.View(ctx)
	if err != nil {
		return nil, err
	}
	schema := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		schema[name] = lake.ColumnNames(view.Tables[name].Meta.CurrentSchema())
	}
	return schema, nil
}

// download answers with all rows as CSV. Rows go out as they come, so a query that fails in the middle cuts the answer off; the
// browser then says that the download failed.
func (p *Pages) download(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), downloadPatience)
	defer cancel()
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadPatience)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	res := Result{SQL: r.URL.Query().Get("sql"), AsOf: r.URL.Query().Get("as-of")}
	begun := false
	err := p.ask(ctx, res, func(a *query.Result) error {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="result.csv"`)
		begun = true
		return writeCSV(csv.NewWriter(w), a)
	})
	switch {
	case err == nil:
	case !begun:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		panic(http.ErrAbortHandler)
	}
}

func writeCSV(w *csv.Writer, a *query.Result) error {
	if err := w.Write(a.Columns()); err != nil {
		return err
	}
	line := make([]string, len(a.Columns()))
	for row, err := range a.Cells() {
		if err != nil {
			return err
		}
		for i, v := range row {
			line[i] = web.Text(v)
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
