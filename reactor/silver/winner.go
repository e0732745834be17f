package silver

import (
	"fmt"
	"slices"
	"strings"
)

// Winner says which of the rows of one key stays. Each rule is a total order of rows, of which the greatest wins, so that it does not
// matter in which order, how often, and how many at once rows come. The zero value is Latest.
type Winner struct {
	Rule WinnerRule
	// Column is that of Greatest and Least. A row without a value loses to one with a value.
	Column string
}

// WinnerRule names an order.
type WinnerRule string

// The rules. Where Greatest and Least find the same value, the row of the object stored last wins.
const (
	Latest   WinnerRule = ""         // the row of the object stored last
	Earliest WinnerRule = "earliest" // the row of the object stored first
	Greatest WinnerRule = "greatest" // the row with the greatest value of a column
	Least    WinnerRule = "least"    // the row with the least value of a column
)

// String is the rule as a definition writes it.
func (w Winner) String() string {
	switch {
	case w.Rule == Latest:
		return "latest"
	case w.Column == "":
		return string(w.Rule)
	}
	return string(w.Rule) + "(" + w.Column + ")"
}

// stored is the order in which objects were stored, with the tie-breakers that make it total.
var stored = []string{"source_modified_at", "source_key", "source_version", "source_row"}

// ByPut tells whether the rows of objects are won in the order in which these were stored: then the newest objects are asked first.
func (w Winner) ByPut() bool { return w.Rule == Latest }

// Term is a part of the order of rows; the first that differs decides. Rows without a value come last.
type Term struct {
	Column     string `json:"column"`
	Descending bool   `json:"descending"`
}

// Terms sort the rows of a key so that the first one wins.
func (w Winner) Terms() []Term {
	var terms []Term
	if w.Column != "" {
		terms = append(terms, Term{w.Column, w.Rule == Greatest})
	}
	for _, c := range stored {
		terms = append(terms, Term{c, w.Rule != Earliest})
	}
	return terms
}

// orderSQL sorts rows so that the one that wins is the first.
func (w Winner) orderSQL() string {
	var parts []string
	for _, t := range w.Terms() {
		part := t.Column
		switch {
		case t.Column == w.Column && t.Descending:
			part = quoteAll("", []string{t.Column})[0] + " desc nulls last"
		case t.Column == w.Column:
			part = quoteAll("", []string{t.Column})[0] + " nulls last"
		case t.Descending:
			part += " desc"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// beatsSQL is the condition that the row w wins against e, or is the same one in the order.
func (w Winner) beatsSQL() string {
	sign := ">="
	if w.Rule == Earliest {
		sign = "<="
	}
	in := fmt.Sprintf("(%s) %s (%s)", strings.Join(quoteAll("w.", stored), ", "), sign, strings.Join(quoteAll("e.", stored), ", "))
	if w.Column == "" {
		return in
	}
	incoming, existing := quoteAll("w.", []string{w.Column})[0], quoteAll("e.", []string{w.Column})[0]
	than := map[WinnerRule]string{Greatest: ">", Least: "<"}[w.Rule]
	return fmt.Sprintf("(%[1]s is not null and (%[2]s is null or %[1]s %[3]s %[2]s) or %[1]s is not distinct from %[2]s and %[4]s)", incoming, existing, than, in)
}

// check holds a rule to the columns that there are.
func (w Winner) check(columns []Field) error {
	switch w.Rule {
	case Latest, Earliest:
		if w.Column != "" {
			return fmt.Errorf("the winner %s has no column", w.Rule)
		}
		return nil
	case Greatest, Least:
	default:
		return fmt.Errorf("the winner %q: known are latest, earliest, greatest(column) and least(column)", string(w.Rule))
	}
	i := slices.IndexFunc(columns, func(f Field) bool { return f.Column == w.Column })
	if i < 0 {
		return fmt.Errorf("the winner %s: %q is no column", w, w.Column)
	}
	if f := &columns[i]; f.nests() || f.Type == TextLists || f.Type == JSON || f.Type == Boolean {
		return fmt.Errorf("the winner %s: the column is a %s, and rows are compared by texts, numbers, times and dates", w, f.Type)
	}
	return nil
}
