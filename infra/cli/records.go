package cli

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	longestName   = 30 // of a field in a record; longer ones wrap
	narrowestCell = 10 // even on the smallest terminal
)

// records lays the rows out as records, a field a line, and returns the lines. Fields that are empty in a row are left out of
// its record.
func (g *grid) records(total int) []string {
	names := 0
	for _, header := range g.headers {
		names = max(names, text.StringWidth(header))
	}
	names = min(names, longestName, max(total/2, 1))
	width := max(total-names-2, narrowestCell)
	var lines []string
	for i, row := range g.rows {
		title := fmt.Sprint(i + 1)
		if g.left > 0 && i >= shownRows {
			title = fmt.Sprint(i + g.left)
			if i == shownRows {
				title = fmt.Sprintf("… %d more rows", g.left)
			}
		}
		lines = append(lines, text.Pad("── "+title+" ", min(total, names+2+width), '─'))
		for j, cell := range row {
			if cell == "" || g.left > 0 && i == shownRows {
				continue
			}
			lines = append(lines, beside(wrap(g.headers[j], names), wrap(cell, width), names)...)
		}
	}
	if len(g.rows) == 0 {
		lines = wrap("no rows of "+strings.Join(g.headers, ", "), total)
	}
	return lines
}

// beside sets a field's value beside its name, line by line.
func beside(name, value []string, width int) []string {
	lines := make([]string, max(len(name), len(value)))
	for i := range lines {
		var left, right string
		if i < len(name) {
			left = name[i]
		}
		if i < len(value) {
			right = value[i]
		}
		lines[i] = strings.TrimRight(text.Pad(left, width, ' ')+"  "+right, " ")
	}
	return lines
}
