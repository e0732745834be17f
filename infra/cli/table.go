package cli

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// narrowest is the width that a column keeps when a terminal is too small for all of them.
const narrowest = 8

func (o *Output) writeTable(headers []string, rows iter.Seq2[[]any, error]) error {
	w := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault // column names as they are in SQL, not in capitals
	w.SetStyle(style)

	widths := make([]int, len(headers))
	numeric := make([]bool, len(headers))
	head := make(table.Row, len(headers))
	for i, header := range headers {
		head[i], widths[i], numeric[i] = header, text.StringWidth(header), true
	}
	w.AppendHeader(head)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if len(row) != len(headers) {
			return fmt.Errorf("print a row: it has %d values for %d columns", len(row), len(headers))
		}
		cells := make(table.Row, len(row))
		for i, value := range row {
			cell := printable(textValue(value))
			cells[i] = cell
			widths[i] = max(widths[i], text.LongestLineLen(cell))
			numeric[i] = numeric[i] && (value == nil || isNumber(value))
		}
		w.AppendRow(cells)
	}
	w.SetColumnConfigs(columns(fit(widths, o.width), numeric))
	if _, err := fmt.Fprintln(o.stdout, w.Render()); err != nil {
		return fmt.Errorf("print results: %w", err)
	}
	return nil
}

func columns(widths []int, numeric []bool) []table.ColumnConfig {
	configs := make([]table.ColumnConfig, len(widths))
	for i := range configs {
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMax: widths[i], WidthMaxEnforcer: text.WrapText}
		if numeric[i] {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	return configs
}

// fit takes width from the widest column until the table fits the terminal; what does not fit its column wraps, so that
// nothing is cut off a key that someone wants to copy. A total of 0 sets no limit.
func fit(widths []int, total int) []int {
	fitted := append([]int(nil), widths...)
	if total == 0 {
		return fitted
	}
	used := 1 // the border at the left; each column adds its padding and the border after it
	for _, width := range fitted {
		used += width + 3
	}
	for used > total {
		widest := 0
		for i, width := range fitted {
			if width > fitted[widest] {
				widest = i
			}
		}
		if len(fitted) == 0 || fitted[widest] <= narrowest {
			break
		}
		fitted[widest]--
		used--
	}
	return fitted
}

// printable keeps control characters out of the terminal: names come from a public API and from objects that anyone with
// write access may put, and an escape sequence in one could rewrite the screen.
func printable(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case unicode.IsControl(r):
			_, _ = fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isNumber(value any) bool {
	switch value.(type) {
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, json.Number:
		return true
	}
	return false
}
