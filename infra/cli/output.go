package cli

import (
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Forms in which results are printed. formAuto is a table, but for a Scripted command whose stdout is no terminal: its is
// formScript, which nobody asks for by name.
const (
	formAuto   = "auto"
	formTable  = "table"
	formJSON   = "json"
	formCSV    = "csv"
	formScript = "script"
)

// Format is the flag that chooses how results are printed.
type Format struct {
	Output   string `name:"output" short:"o" env:"MILLRACE_OUTPUT" enum:"auto,table,json,csv" default:"auto" help:"How results are printed: table, json or csv. auto is a table, fitted to the terminal; some commands print less when stdout is not one."`
	Decimals string `name:"decimals" env:"MILLRACE_DECIMALS" enum:"number,string" default:"number" help:"How decimals are written in JSON: as numbers with all their digits, or as strings for readers (jq) that cut numbers to 16 digits."`
}

// Output takes a command's results to stdout. Its zero value is of no use; commands get one from Main, tests from NewOutput.
type Output struct {
	stdout io.Writer
	stderr io.Writer
	form   string
	column string // what a script wants, see Scripted
	texts  bool   // decimals are strings in JSON
	width  int    // of the terminal; 0 when stdout is none: tables are then as wide as they need, and nothing is wrapped
}

// NewOutput returns an output that writes results in the form (table, json or csv) to w, and shows no progress.
func NewOutput(w io.Writer, form string) *Output {
	return newOutput(w, io.Discard, Format{Output: form}, "")
}

func newOutput(stdout, stderr io.Writer, format Format, column string) *Output {
	o := &Output{stdout: stdout, stderr: stderr, form: format.Output, column: column, texts: format.Decimals == "string"}
	if isTerminal(stdout) {
		o.width = terminalWidth(stdout.(*os.File), os.Getenv("COLUMNS"))
	}
	if o.form == formAuto {
		o.form = formTable
		if column != "" && !isTerminal(stdout) {
			o.form = formScript
		}
	}
	return o
}

// Terminal tells whether people read the output, rather than a file or another program.
func (o *Output) Terminal() bool { return isTerminal(o.stdout) }

// To is an output in another form (json or csv) to another place, such as a file.
func (o *Output) To(w io.Writer, form string) *Output {
	return &Output{stdout: w, stderr: io.Discard, form: form, texts: o.texts}
}

// terminalWidth is what the user set as COLUMNS, or else what the terminal says; 0 when neither is known.
func terminalWidth(f *os.File, columns string) int {
	if n, err := strconv.Atoi(columns); err == nil && n > 0 {
		return n
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Format is table, json, csv or script: for the command whose table shows less than its JSON.
func (o *Output) Format() string { return o.form }

// Write passes text on as it is, for results that are not rows (the exports of `stack env`).
func (o *Output) Write(p []byte) (int, error) { return o.stdout.Write(p) }

// Lines prints lines of text for people, as wide as they are: a terminal wraps them, and what is copied from them stays whole.
func (o *Output) Lines(lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(o.stdout, printable(line)); err != nil {
			return fmt.Errorf("print results: %w", err)
		}
	}
	return nil
}

// Table prints rows. In JSON they are an array of objects with the headers as names, in that order; nil is null there and
// empty elsewhere. Times are RFC 3339 in UTC.
func (o *Output) Table(headers []string, rows [][]any) error {
	return o.Rows(headers, func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// Rows prints rows as they come: JSON and CSV in constant memory, a table when the last has come, because its columns must
// be measured. Of more rows than anybody reads, a table shows the first and the last. The first error ends it.
func (o *Output) Rows(headers []string, rows iter.Seq2[[]any, error]) error {
	switch o.form {
	case formJSON:
		return o.writeJSON(headers, rows)
	case formCSV:
		return o.writeCSV(headers, rows)
	case formScript:
		return o.writeScript(headers, rows)
	}
	return o.writeTable(headers, rows)
}

// checkRow finds a row that does not fit its headers: a mistake in the command that prints it.
func checkRow(headers []string, row []any) error {
	if len(row) != len(headers) {
		return fmt.Errorf("print a row: it has %d values for %d columns", len(row), len(headers))
	}
	return nil
}
