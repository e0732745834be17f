package cli

import (
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
)

// longestPiece is the width up to which a column keeps a piece of text on one line. A longer one, such as a hash, may be broken
// anywhere: a table whose columns are as wide as their hashes fits no terminal.
const longestPiece = 24

// leastWidth returns the width that a cell needs to be broken at its seams alone, but at most longestPiece.
func leastWidth(cell string) int {
	least := 0
	for line := range strings.SplitSeq(cell, "\n") {
		for _, piece := range pieces(line) {
			least = max(least, text.StringWidth(strings.TrimRight(piece, " ")))
		}
	}
	return min(least, longestPiece)
}

// wrapText is wrap in the form that a table asks for.
func wrapText(cell string, width int) string { return strings.Join(wrap(cell, width), "\n") }

// wrap breaks a cell into lines of at most that width: between pieces, or inside one that is wider than a line. Every
// character stays but the blanks at the end of a line.
func wrap(cell string, width int) []string {
	if width <= 0 || cell == "" {
		return []string{cell}
	}
	var lines []string
	for line := range strings.SplitSeq(cell, "\n") {
		if text.StringWidth(line) <= width {
			lines = append(lines, line)
			continue
		}
		current, used := "", 0
		end := func() {
			lines = append(lines, strings.TrimRight(current, " "))
			current, used = "", 0
		}
		for _, piece := range pieces(line) {
			if used > 0 && used+text.StringWidth(strings.TrimRight(piece, " ")) > width {
				end()
			}
			for _, r := range piece {
				w := text.RuneWidth(r)
				if used+w > width && r != ' ' {
					end()
				}
				current, used = current+string(r), used+w
			}
		}
		end()
	}
	return lines
}

// pieces cuts a line at its seams, where it may be broken: after a blank and after the marks that join the parts of a key, an
// address or a list, and between the day and the hour of a time. A day stays whole.
func pieces(line string) []string {
	var all []string
	start := 0
	runes := []rune(line)
	for i, r := range runes {
		if i+1 < len(runes) && seam(r, runes[max(i-1, 0)], runes[i+1]) {
			all = append(all, string(runes[start:i+1]))
			start = i + 1
		}
	}
	return append(all, string(runes[start:]))
}

// seam reports whether a line may be broken after r, which stands between before and after.
func seam(r, before, after rune) bool {
	switch r {
	case ' ':
		return after != ' '
	case '/', ',', ';', '=', '&', '?', '|', '_':
		return true
	case '-':
		return !unicode.IsDigit(before) || !unicode.IsDigit(after)
	case 'T':
		return unicode.IsDigit(before) && unicode.IsDigit(after)
	}
	return false
}
