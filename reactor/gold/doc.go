package gold

import (
	"regexp"
	"slices"
	"strings"
)

// columnKey begins header lines that document a model's columns: `-- column: close the day's last price [USD]`. The text becomes
// the column's comment in the table's schema, where other engines show it.
const columnKey = "column"

// modelKeys lists the keys of a model's header.
var modelKeys = []string{"model", "grain", "lookback", columnKey}

var columnLine = regexp.MustCompile(`^([a-z][a-z0-9_]{0,62})\s+(\S.*)$`)

// readDocs reads the header's column lines and returns the meanings by column.
func readDocs(file, text, lines string) (map[string]string, error) {
	docs := map[string]string{}
	for line := range strings.Lines(lines) {
		m := columnLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			return nil, refuse(file, lineOf(text, "-- "+columnKey), "the line %q documents no column: write for example `%s`", "-- column: "+strings.TrimSpace(line), headerExamples[columnKey])
		}
		if _, twice := docs[m[1]]; twice {
			return nil, refuse(file, lineOf(text, "-- "+columnKey+": "+m[1]), "the header documents the column %s twice: keep one line", m[1])
		}
		docs[m[1]] = m[2]
	}
	return docs, nil
}

// logic returns a model's text without the lines that document columns. The digest is made from it, so a new comment rebuilds
// no table.
func logic(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i := preface(lines, modelKeys); i < len(lines); {
		m := headerLine.FindStringSubmatch(strings.TrimRight(lines[i], "\r\n"))
		switch {
		case m == nil:
			return strings.Join(lines, "")
		case m[1] == columnKey:
			lines = slices.Delete(lines, i, i+1)
		default:
			i++
		}
	}
	return strings.Join(lines, "")
}
