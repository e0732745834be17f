package sql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"millrace/reactor/console/web"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

// paged is how many rows a page shows.
const paged = 200

// Result is a query and the part of its rows that a page shows.
type Result struct {
	Question
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
	Refs   Refs                `json:"-"`
	// Plot is how the rows can be drawn.
	Plot Plot `json:"-"`
}

// First and Last are the numbers of the rows that are shown, from 1.
func (r Result) First() int { return r.Offset + 1 }

// Last is the number of the last row that is shown.
func (r Result) Last() int { return r.Offset + len(r.Rows) }

// Page is the address of the same query from another row on.
func (r Result) Page(offset int) string {
	v := r.values()
	if offset > 0 {
		v.Set("offset", strconv.Itoa(offset))
	}
	return "/sql?" + v.Encode()
}

// Next and Before are the pages beside this one.
func (r Result) Next() string { return r.Page(r.Offset + paged) }

// Before is the page before this one.
func (r Result) Before() string { return r.Page(max(0, r.Offset-paged)) }

var orders = regexp.MustCompile(`(?i)\border\s+by\b`)

// Unordered tells that the pages may not go together: rows without an order may come in another one each time.
func (r Result) Unordered() bool { return (r.More || r.Offset > 0) && !orders.MatchString(r.SQL) }

// errFull ends the reading of a result whose page is full.
var errFull = errors.New("the page is full")

func (p *Pages) result(r *http.Request) (Result, error) {
	values := r.URL.Query()
	question, wrong := questionOf(values)
	res := Result{Question: question, Columns: []string{}, Rows: [][]any{}, Plot: plotOf(values)}
	if text := values.Get("offset"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return res, web.BadRequest("offset is a number of rows, not %q", text)
		}
		res.Offset = n
	}
	view, err := p.lake.View(r.Context())
	if err != nil {
		return res, err
	}
	res.Schema = schema(view)
	if res.Refs, err = p.refs(r.Context(), view); err != nil {
		return res, err
	}
	if wrong != nil {
		res.Wrong = wrong.Error()
		return res, nil
	}
	if res.SQL == "" {
		return res, nil
	}
	ctx := r.Context()
	began := time.Now()
	err = p.ask(ctx, question, res.take)
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
	case errors.As(err, &bad), errors.As(err, &problem):
		r.Wrong = err.Error()
	case ctx.Err() != nil:
		r.Wrong = fmt.Sprintf("the query took longer than %v: ask for less, or use `reactor query`, which has no limit", web.Patience)
	default:
		return err
	}
	return nil
}

// take keeps the rows of the page. What lies before it is counted by the batch, and not read: the last page of a million rows
// costs what the query costs.
func (r *Result) take(a *query.Result) error {
	r.Columns = a.Columns()
	r.Plot.offer(a.Schema())
	n := 0
	for b, err := range a.Batches() {
		if err != nil {
			return err
		}
		for i := max(0, r.Offset-n); i < int(b.NumRows()); i++ {
			if len(r.Rows) == paged {
				r.More = true
				return errFull
			}
			r.Rows = append(r.Rows, query.Row(b, i))
		}
		n += int(b.NumRows())
	}
	return nil
}

// schema is the columns of each table.
func schema(view *lake.View) map[string][]string {
	all := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		all[name] = lake.ColumnNames(view.Tables[name].Meta.CurrentSchema())
	}
	return all
}
