package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
)

// writeJSON prints rows as an array of objects, an object a line.
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
		if err := checkRow(headers, row); err != nil {
			return err
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
			text, err := json.Marshal(o.jsonValue(value))
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

// writeCSV prints rows as CSV. It quotes as RFC 4180 says, but ends lines with LF alone: shell tools would take the CR of CRLF
// for data.
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
		if err := checkRow(headers, row); err != nil {
			return err
		}
		for i, value := range row {
			record[i] = Text(value)
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
