package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"
)

// Format is the flag that chooses how results are printed.
type Format struct {
	Output string `name:"output" short:"o" env:"MILLRACE_OUTPUT" enum:"table,json,csv" default:"table" help:"How results are printed: ${enum}."`
}

// Output takes a command's results to stdout. Its zero value is of no use; commands get one from Main, tests from NewOutput.
type Output struct {
	stdout io.Writer
	stderr io.Writer
	format string
	width  int // of the terminal; 0 when stdout is none, and tables are then as wide as they need
}

// NewOutput returns an output that writes results in the format (table, json or csv) to w, and shows no progress.
func NewOutput(w io.Writer, format string) *Output {
	return newOutput(w, io.Discard, Format{Output: format})
}

func newOutput(stdout, stderr io.Writer, format Format) *Output {
	o := &Output{stdout: stdout, stderr: stderr, format: format.Output}
	if f, ok := stdout.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.width = width
		}
	}
	return o
}

// Format is table, json or csv: for the command whose table shows less than its JSON.
func (o *Output) Format() string { return o.format }

// Write passes text on as it is, for results that are not rows (the exports of `stack env`).
func (o *Output) Write(p []byte) (int, error) { return o.stdout.Write(p) }

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
// be measured. The first error ends it.
func (o *Output) Rows(headers []string, rows iter.Seq2[[]any, error]) error {
	var err error
	switch o.format {
	case "json":
		err = o.writeJSON(headers, rows)
	case "csv":
		err = o.writeCSV(headers, rows)
	default:
		err = o.writeTable(headers, rows)
	}
	return err
}

func (o *Output) writeJSON(headers []string, rows iter.Seq2[[]any, error]) error {
	names := make([][]byte, len(headers))
	for i, header := range headers {
		name, err := json.Marshal(header)
		if err != nil {
			return fmt.Errorf("print column %q as JSON: %w", header, err)
		}
		names[i] = name
	}
	var line bytes.Buffer
	line.WriteByte('[')
	first := true
	for row, err := range rows {
		if err != nil {
			return err
		}
		if len(row) != len(headers) {
			return fmt.Errorf("print a row: it has %d values for %d columns", len(row), len(headers))
		}
		if !first {
			line.WriteByte(',')
		}
		first = false
		line.WriteString("\n  {")
		for i, value := range row {
			if i > 0 {
				line.WriteString(", ")
			}
			line.Write(names[i])
			line.WriteString(": ")
			text, err := json.Marshal(jsonValue(value))
			if err != nil {
				return fmt.Errorf("print column %s as JSON: %w", headers[i], err)
			}
			line.Write(text)
		}
		line.WriteByte('}')
		if _, err := line.WriteTo(o.stdout); err != nil {
			return fmt.Errorf("print results: %w", err)
		}
	}
	if !first {
		line.WriteByte('\n')
	}
	line.WriteString("]\n")
	if _, err := line.WriteTo(o.stdout); err != nil {
		return fmt.Errorf("print results: %w", err)
	}
	return nil
}

// writeCSV quotes as RFC 4180 does, but ends lines with LF alone: with CRLF every shell tool would keep the CR as data.
func (o *Output) writeCSV(headers []string, rows iter.Seq2[[]any, error]) error {
	w := csv.NewWriter(o.stdout)
	if err := w.Write(headers); err != nil {
		return fmt.Errorf("print results: %w", err)
	}
	record := make([]string, len(headers))
	for row, err := range rows {
		if err != nil {
			w.Flush()
			return err
		}
		if len(row) != len(headers) {
			return fmt.Errorf("print a row: it has %d values for %d columns", len(row), len(headers))
		}
		for i, value := range row {
			record[i] = textValue(value)
		}
		if err := w.Write(record); err != nil {
			return fmt.Errorf("print results: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("print results: %w", err)
	}
	return nil
}

// jsonValue keeps numbers numbers and makes text of what encoding/json cannot hold or would show as a struct.
func jsonValue(value any) any {
	switch v := value.(type) {
	case time.Time:
		return textValue(v)
	case json.Marshaler, json.Number:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return textValue(v)
		}
		return json.Number(textValue(v))
	case fmt.Stringer:
		return v.String()
	case error:
		return v.Error()
	case []byte:
		return string(v)
	}
	return value
}

// textValue never uses an exponent: 4e+11 for a market cap is not what a person reads.
func textValue(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	case fmt.Stringer:
		return v.String()
	case error:
		return v.Error()
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
