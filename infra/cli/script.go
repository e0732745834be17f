package cli

import (
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/alecthomas/kong"
)

// Scripted is a command of whose results a script wants one column, as in key=$(ingestor snapshot). When stdout is not a terminal
// and neither --output nor MILLRACE_OUTPUT is given, that column is all that is printed: a value a line, without those that
// are null or empty. A table without the column is printed whole. The command's --help says so by itself.
type Scripted interface{ ScriptColumn() string }

// scriptColumn is the column that a script wants of a command, "" for none.
func scriptColumn(command any) string {
	if s, ok := command.(Scripted); ok {
		return s.ScriptColumn()
	}
	return ""
}

// explainScripts adds to the help of each Scripted command what it prints into a pipe.
func explainScripts(k *kong.Kong) error {
	return kong.Visit(k.Model.Node, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok {
			if column := scriptColumn(commandOf(n)); column != "" {
				n.Detail += fmt.Sprintf("\n\nWhen stdout is not a terminal and no --output is given, only the column %s is printed, one a line.", column)
			}
		}
		return next(nil)
	})
}

// writeScript prints the column that a script wants.
func (o *Output) writeScript(headers []string, rows iter.Seq2[[]any, error]) error {
	at := slices.Index(headers, o.column)
	if at < 0 {
		return o.writeTable(headers, rows)
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := checkRow(headers, row); err != nil {
			return err
		}
		if value := Text(row[at]); value != "" {
			if _, err := io.WriteString(o.stdout, value+"\n"); err != nil {
				return fmt.Errorf("print results: %w", err)
			}
		}
	}
	return nil
}
