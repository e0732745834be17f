package sql

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/query"
)

// drawn is how many rows a chart reads.
const drawn = 20_000

// Chart is a result as lines, as the browser draws them.
type Chart struct {
	Plot
	// Numeric tells that X is a number; otherwise Time is in seconds since 1970.
	Numeric bool      `json:"numeric"`
	Time    []float64 `json:"time"`
	Series  []Line    `json:"series"`
	// Note says what was left out, "" for nothing.
	Note string `json:"note,omitempty"`
}

// Line has a value for each point of Chart.Time, null where there is none.
type Line struct {
	Name   string     `json:"name"`
	Values []*float64 `json:"values"`
}

// Chart is the address of the result as lines.
func (r Result) Chart() string { return "/api/v1/sql-chart?" + r.Plot.values(r.values()).Encode() }

func (p *Pages) chart(r *http.Request) (Chart, error) {
	ctx := r.Context()
	question, err := questionOf(r.URL.Query())
	if err != nil {
		return Chart{}, err
	}
	d := drawing{plot: plotOf(r.URL.Query()), at: map[float64]int{}, lines: map[string]*Line{}}
	err = p.ask(ctx, question, d.read)
	if err != nil && !errors.Is(err, errFull) {
		// What is wrong with the query comes from whoever asked.
		var res Result
		if lakes := res.judge(ctx, err); lakes != nil {
			return Chart{}, lakes
		}
		return Chart{}, web.BadRequest("%s", res.Wrong)
	}
	return d.chart(), nil
}

// drawing makes lines of rows.
type drawing struct {
	plot    Plot
	rows    int
	full    bool
	points  []point
	at      map[float64]int // the times that there are
	doubled bool            // whether two rows have one
	lines   map[string]*Line
}

// point is a row that is drawn.
type point struct {
	x      float64
	by     string
	values []*float64
}

func (d *drawing) read(a *query.Result) error {
	d.plot.offer(a.Schema())
	if !d.plot.Possible() {
		return web.BadRequest("nothing of this result can be drawn: a chart needs a column of times or numbers, and another one of numbers")
	}
	columns := a.Columns()
	x, split := slices.Index(columns, d.plot.X), slices.Index(columns, d.splitBy())
	for row, err := range a.Cells() {
		if err != nil {
			return err
		}
		if d.rows++; d.rows > drawn {
			d.full = true
			return errFull
		}
		at := number(row[x])
		if at == nil {
			continue
		}
		p := point{x: *at}
		if split >= 0 {
			p.by = cli.Text(row[split])
		}
		for _, line := range d.plot.Lines {
			p.values = append(p.values, number(row[slices.Index(columns, line)]))
		}
		d.add(p)
	}
	return nil
}

// add takes a point, and notes whether another one has its time.
func (d *drawing) add(p point) {
	_, there := d.at[p.x]
	d.doubled = d.doubled || there
	d.at[p.x] = 0
	d.points = append(d.points, p)
}

// splitBy is the column that may split the lines: the one that was chosen, or the first text.
func (d *drawing) splitBy() string {
	if d.plot.By == "" && len(d.plot.Texts) > 0 {
		return d.plot.Texts[0]
	}
	return d.plot.By
}

// chart puts the points in order. Rows that share a time are of several things, such as assets: unless somebody chose otherwise, each
// has a line of its own.
func (d *drawing) chart() Chart {
	notes := []string{}
	if by := d.splitBy(); d.plot.By == "" && d.doubled && by != "" {
		d.plot.By = by
		if !d.plot.chose { // all numbers of all things would be a tangle
			d.plot.Lines = d.plot.Lines[:1]
		}
		notes = append(notes, fmt.Sprintf("%s: a line for each %s", strings.Join(d.plot.Lines, ", "), by))
	}
	c := Chart{Plot: d.plot, Numeric: !slices.Contains(d.plot.times, d.plot.X), Time: []float64{}, Series: []Line{}}
	for x := range d.at {
		c.Time = append(c.Time, x)
	}
	slices.Sort(c.Time)
	for i, x := range c.Time {
		d.at[x] = i
	}
	var names []string // in the order of their first row
	for _, p := range d.points {
		for i, line := range d.plot.Lines {
			name := d.name(p, line)
			if d.lines[name] == nil {
				names = append(names, name)
				d.lines[name] = &Line{Name: name, Values: make([]*float64, len(c.Time))}
			}
			if p.values[i] != nil {
				d.lines[name].Values[d.at[p.x]] = p.values[i]
			}
		}
	}
	for _, name := range names[:min(len(names), mostLines)] {
		c.Series = append(c.Series, *d.lines[name])
	}
	if len(names) > mostLines {
		notes = append(notes, fmt.Sprintf("the first %d of %d lines are drawn", mostLines, len(names)))
	}
	if d.full {
		notes = append(notes, fmt.Sprintf("the first %d rows are drawn", drawn))
	}
	c.Note = strings.Join(notes, "; ")
	return c
}

// name is that of the line that a value of a row is on.
func (d *drawing) name(p point, line string) string {
	if d.plot.By == "" || d.plot.By == noSplit {
		return line
	}
	if len(d.plot.Lines) == 1 {
		return cmp.Or(p.by, "null")
	}
	return cmp.Or(p.by, "null") + " " + line
}

// number is a value on an axis: of a time its seconds since 1970; nil for null, and for what no axis has.
func number(value any) *float64 {
	var f float64
	switch v := value.(type) {
	case int64:
		f = float64(v)
	case uint64:
		f = float64(v)
	case float64:
		f = v
	case json.Number:
		var err error
		if f, err = v.Float64(); err != nil {
			return nil
		}
	case time.Time:
		f = float64(v.UnixMilli()) / 1000
	case string:
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			return nil
		}
		f = float64(day.Unix())
	default:
		return nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}
