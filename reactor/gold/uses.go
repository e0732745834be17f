package gold

import (
	"slices"
	"strings"
)

// addUses notes the columns of silver's tables that a statement may read: each whose name stands in its tree, in whatever place.
func (s *Set) addUses(inputs []string, tree map[string]any) {
	whole, named := readsWhole(tree), map[string]bool{}
	walk(tree, func(n node) {
		for _, v := range n {
			eachText(v, func(text string) { named[strings.ToLower(text)] = true })
		}
	})
	for _, in := range s.Inputs {
		if !slices.Contains(inputs, in.Name) {
			continue
		}
		for _, c := range in.Columns {
			used := whole || c.Name == SilverTime || named[strings.ToLower(c.Name)]
			if used && !slices.Contains(s.Uses[in.Name], c.Name) {
				s.Uses[in.Name] = append(s.Uses[in.Name], c.Name)
			}
		}
	}
}

// readsWhole tells whether a statement may read columns that it does not name: by a star, by a column's number, by all that is common to
// two tables, by all that a pivot leaves, by a description, or by a row as a value.
func readsWhole(tree map[string]any) (whole bool) {
	rows := map[string]bool{}
	walk(tree, func(n node) {
		if n.class() == "" {
			rows[strings.ToLower(n.text("alias"))], rows[strings.ToLower(n.text("table_name"))] = true, true
		}
		whole = whole || n.class() == "STAR" || n.class() == "POSITIONAL_REFERENCE" || n.text("ref_type") == "NATURAL" ||
			n.text("type") == "PIVOT" || n.text("type") == "SHOW_REF"
	})
	walk(tree, func(n node) {
		names, _ := n["column_names"].([]any)
		whole = whole || n.class() == "COLUMN_REF" && len(names) == 1 && rows[n.column()]
	})
	return whole
}

// eachText visits the texts of a value that is no object.
func eachText(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, i := range v {
			eachText(i, visit)
		}
	}
}
