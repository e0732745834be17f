package cli

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is rows as text, and what a layout has to know of each column.
type grid struct {
	headers []string
	rows    [][]string
	columns []column
	n       int // of rows that were added
	left    int // of them that are not in rows, and for which one of dots stands after the first shownRows
}

// shownRows is how many of the first and of the last rows a long table shows. 800,000 rows as a table took 2.4 GB and nobody
// read them; a script reads CSV or JSON, where all are.
const shownRows = 500

// column is how much room a column takes.
type column struct {
	widest  int  // of its cells and its header, unwrapped
	least   int  // below which it does not wrap well
	numeric bool // numbers are never wrapped
}

func newGrid(headers []string) *grid {
	g := &grid{headers: headers, columns: make([]column, len(headers))}
	for i, header := range headers {
		g.columns[i] = column{widest: text.StringWidth(header), least: leastWidth(header), numeric: true}
	}
	return g
}

func (g *grid) add(row []any) error {
	if err := checkRow(g.headers, row); err != nil {
		return err
	}
	cells := make([]string, len(row))
	for i, value := range row {
		cell, c := printable(Text(value)), &g.columns[i]
		cells[i] = cell
		width := text.LongestLineLen(cell)
		c.widest = max(c.widest, width)
		c.numeric = c.numeric && (value == nil || isNumber(value))
		if isNumber(value) {
			c.least = max(c.least, width)
		} else {
			c.least = max(c.least, leastWidth(cell))
		}
	}
	g.n++
	if len(g.rows) < 2*shownRows {
		g.rows = append(g.rows, cells)
	} else {
		g.rows[shownRows+(g.n-1)%shownRows] = cells // the last ones, in a ring
	}
	return nil
}

// cut brings the last rows into their order, and sets a row of dots where rows are left out.
func (g *grid) cut() {
	if g.left = g.n - len(g.rows); g.left == 0 {
		return
	}
	dots := make([]string, len(g.headers))
	for i := range dots {
		dots[i] = "…"
	}
	oldest := shownRows + g.n%shownRows
	g.rows = slices.Concat(g.rows[:shownRows], [][]string{dots}, g.rows[oldest:], g.rows[shownRows:oldest])
}

// dropEmpty takes out the columns that are empty in all rows, and returns their headers: where all is well, half of the columns of
// `reactor check` have nothing to say.
func (g *grid) dropEmpty() (empty []string) {
	for i := len(g.headers) - 1; i >= 0 && len(g.rows) > 0; i-- {
		if slices.ContainsFunc(g.rows, func(row []string) bool { return row[i] != "" }) {
			continue
		}
		empty = slices.Insert(empty, 0, g.headers[i])
		g.headers, g.columns = slices.Delete(slices.Clone(g.headers), i, i+1), slices.Delete(g.columns, i, i+1)
		for n := range g.rows {
			g.rows[n] = slices.Delete(g.rows[n], i, i+1)
		}
	}
	return empty
}

// writeTable prints a table that fits the terminal, if there is one. Columns that are empty in all rows are left out where it would
// be too wide, and named below it. Cells wrap when a column has to be narrower than they are.
// If the columns cannot be narrow enough, or if it takes fewer lines, each row becomes a record with a field a line. Nothing is
// ever cut off a cell: people copy keys from tables.
func (o *Output) writeTable(headers []string, rows iter.Seq2[[]any, error]) error {
	g := newGrid(headers)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := g.add(row); err != nil {
			return err
		}
	}
	var notes []string
	if g.cut(); g.left > 0 {
		notes = append(notes, fmt.Sprintf("… %d more rows, %d in all; --output csv or json has all of them", g.left, g.n))
	}
	if widths, _ := fit(g.columns, o.width); g.wraps(widths) {
		if empty := g.dropEmpty(); len(empty) > 0 {
			notes = append(notes, wrapText("empty in all rows: "+strings.Join(empty, ", "), o.width))
		}
	}
	if _, err := fmt.Fprintln(o.stdout, g.render(o.width)); err != nil {
		return fmt.Errorf("print results: %w", err)
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(o.stdout, note); err != nil {
			return fmt.Errorf("print results: %w", err)
		}
	}
	return nil
}

// render lays the grid out for a terminal of that many columns; 0 is no terminal.
func (g *grid) render(total int) string {
	widths, fits := fit(g.columns, total)
	if !fits {
		return strings.Join(g.records(total), "\n")
	}
	if g.wraps(widths) {
		if records := g.records(total); len(records) < g.height(widths) {
			return strings.Join(records, "\n")
		}
	}
	w := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault // column names as they are in SQL, not in capitals
	w.SetStyle(style)
	w.AppendHeader(tableRow(g.headers))
	for _, row := range g.rows {
		w.AppendRow(tableRow(row))
	}
	configs := make([]table.ColumnConfig, len(widths))
	for i := range configs {
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMax: widths[i], WidthMaxEnforcer: wrapText}
		if g.columns[i].numeric {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	w.SetColumnConfigs(configs)
	return w.Render()
}

func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = cell
	}
	return row
}

// wraps reports whether a column is narrower than what it holds.
func (g *grid) wraps(widths []int) bool {
	for i, c := range g.columns {
		if widths[i] < c.widest {
			return true
		}
	}
	return false
}

// height is how many lines the table's rows take.
func (g *grid) height(widths []int) int {
	lines := 0
	for _, row := range g.rows {
		highest := 0
		for i, cell := range row {
			highest = max(highest, len(wrap(cell, widths[i])))
		}
		lines += highest
	}
	return lines
}

// fit takes width from the widest column until the table fits the terminal, but from none more than it can do without; fits
// is false when that is not enough. A total of 0 sets no limit.
func fit(columns []column, total int) (widths []int, fits bool) {
	widths = make([]int, len(columns))
	used := 1 // the border at the left; each column adds its padding and the border after it
	for i, c := range columns {
		widths[i] = c.widest
		used += c.widest + 3
	}
	for total > 0 && used > total {
		widest := -1
		for i, c := range columns {
			if widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return widths, false
		}
		widths[widest]--
		used--
	}
	return widths, true
}
