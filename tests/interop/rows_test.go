//go:build interop

package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// found is what an engine reads: see engines/values.py.
type found struct {
	Columns []string
	Rows    [][]any
}

// read is what an engine reads of a table; when says of which state: a snapshot, a tag or a time, or of the current one.
func (s *session) read(t *testing.T, table string, when with) found {
	t.Helper()
	arguments := with{"table": table}
	for name, value := range when {
		arguments[name] = value
	}
	return decode(t, s.do(t, "read", arguments))
}

func decode(t *testing.T, text []byte) (f found) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

// own is what `reactor query` reads of the same, its values as engines/values.py gives them.
func own(t *testing.T, l *harness.Lake, table string, flags ...string) found {
	t.Helper()
	var f found
	var list []string
	kinds := map[string]string{}
	for _, c := range harness.Query[struct {
		Name string `json:"column_name"`
		Type string `json:"column_type"`
	}](t, l, "select column_name, column_type from (describe from "+table+")", flags...) {
		f.Columns = append(f.Columns, c.Name)
		kinds[c.Name], _, _ = strings.Cut(c.Type, "(")
		name := `"` + c.Name + `"`
		switch {
		case strings.HasPrefix(c.Type, "DECIMAL"), c.Type == "DATE":
			name += "::varchar"
		case strings.HasPrefix(c.Type, "TIMESTAMP"):
			name = "epoch_us(" + name + ")"
		}
		list = append(list, fmt.Sprintf("%s as %q", name, c.Name))
	}
	text := l.Reactor(t, append([]string{"query", "select " + strings.Join(list, ", ") + " from " + table, "--output", "json"}, flags...)...)
	var rows []map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var values []any
		for _, c := range f.Columns {
			values = append(values, ofKind(row[c], kinds[c]))
		}
		f.Rows = append(f.Rows, values)
	}
	return f
}

// ofKind writes a value as engines/values.py does: decimals without zeros at their end, doubles so that one is known for what it is.
func ofKind(value any, kind string) any {
	switch v := value.(type) {
	case string:
		if kind == "DECIMAL" && strings.Contains(v, ".") {
			return strings.TrimRight(strings.TrimRight(v, "0"), ".")
		}
	case json.Number:
		if kind == "DOUBLE" && !strings.ContainsAny(v.String(), ".eE") {
			return v + ".0"
		}
	}
	return value
}

// only has some columns; one that it lacks is an error that its text shows.
func (f found) only(columns []string) found {
	few := found{Columns: columns}
	for _, row := range f.Rows {
		values := make([]any, len(columns))
		for i, c := range columns {
			values[i] = "no column " + c
			if at := slices.Index(f.Columns, c); at >= 0 {
				values[i] = row[at]
			}
		}
		few.Rows = append(few.Rows, values)
	}
	return few
}

// withoutNullMaps has an empty map in place of each null one.
func (f found) withoutNullMaps() found {
	maps := map[int]bool{}
	for _, row := range f.Rows {
		for i, value := range row {
			if _, ok := value.(map[string]any); ok {
				maps[i] = true
			}
		}
	}
	changed := found{Columns: f.Columns}
	for _, row := range f.Rows {
		row = slices.Clone(row)
		for i := range maps {
			if row[i] == nil {
				row[i] = map[string]any{}
			}
		}
		changed.Rows = append(changed.Rows, row)
	}
	return changed
}

// text is all of it with columns and rows in the order of the alphabet; two of the same rows have the same text.
func (f found) text(t *testing.T) string {
	t.Helper()
	order := slices.Clone(f.Columns)
	slices.Sort(order)
	lines := make([]string, 0, len(f.Rows))
	for _, row := range f.Rows {
		values := make([]any, len(order))
		for i, c := range order {
			values[i] = canonical(row[slices.Index(f.Columns, c)])
		}
		line, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	slices.Sort(lines)
	return strings.Join(order, ",") + "\n" + strings.Join(lines, "\n") + "\n"
}

// canonical writes a double in one way: engines print 1e-05 and 0.00001.
func canonical(value any) any {
	n, ok := value.(json.Number)
	if !ok || !strings.ContainsAny(n.String(), ".eE") {
		return value
	}
	double, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return value
	}
	return strconv.FormatFloat(double, 'g', -1, 64)
}

// sameRows fails the test for each table of which the engine reads other rows than `reactor query`. Objects arrive meanwhile, and a busy table
// keeps its last snapshots for seconds only: a tag keeps the one that both read.
func (s *session) sameRows(t *testing.T, l *lake, tables ...string) {
	t.Helper()
	for _, table := range tables {
		tag, snapshot := l.tag(t, table)
		want, got := own(t, l.Lake, table, "--snapshot", table+"="+tag), s.read(t, table, with{"snapshot": snapshot})
		if a, b := want.text(t), got.text(t); a != b {
			t.Errorf("%s reads other rows of %s than reactor query:\n%s", s.name, table, harness.Difference(a, b))
		}
	}
}
