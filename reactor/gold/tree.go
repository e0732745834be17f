package gold

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// node is an object of DuckDB's syntax tree, as json_serialize_sql writes it. It has no types, so that a rule sees expressions in
// every place, including places that a later DuckDB adds.
type node map[string]any

func (n node) text(key string) string { s, _ := n[key].(string); return s }
func (n node) child(key string) node  { c, _ := n[key].(map[string]any); return c }

func (n node) list(key string) []node {
	items, _ := n[key].([]any)
	var out []node
	for _, i := range items {
		if c, ok := i.(map[string]any); ok {
			out = append(out, c)
		}
	}
	return out
}

// class returns FUNCTION, WINDOW, COLUMN_REF… for an expression, "" for other nodes.
func (n node) class() string { return n.text("class") }

// function returns the name of a function or window function in small letters.
func (n node) function() string { return strings.ToLower(n.text("function_name")) }

// column returns the last part of a column reference: day of summary.day.
func (n node) column() string {
	names, _ := n["column_names"].([]any)
	if n.class() != "COLUMN_REF" || len(names) == 0 {
		return ""
	}
	s, _ := names[len(names)-1].(string)
	return strings.ToLower(s)
}

// walk visits a tree's objects, parents first, keys in a fixed order.
func walk(v any, visit func(node)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			walk(v[k], visit)
		}
	case []any:
		for _, i := range v {
			walk(i, visit)
		}
	}
}

func readTree(raw []byte) (map[string]any, error) {
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("read the syntax tree: %w", err)
	}
	return tree, nil
}

// tables returns the tables that the tree reads, in order, without its own common table expressions.
func tables(tree map[string]any) []node {
	own := map[string]bool{}
	walk(tree, func(n node) {
		for _, entry := range n.child("cte_map").list("map") {
			own[strings.ToLower(entry.text("key"))] = true
		}
	})
	var out []node
	walk(tree, func(n node) {
		if n.text("type") != "BASE_TABLE" || n.text("table_name") == "" {
			return
		}
		if n.text("schema_name") == "" && n.text("catalog_name") == "" && own[strings.ToLower(n.text("table_name"))] {
			return
		}
		out = append(out, n)
	})
	return out
}

// fullName returns a table's name as the SQL has it: schema.table.
func fullName(table node) string {
	var parts []string
	for _, k := range []string{"catalog_name", "schema_name", "table_name"} {
		if s := table.text(k); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ".")
}

// line returns the number of a node's line in the SQL, from 1.
func line(sql string, n node) int {
	at, ok := n["query_location"].(float64)
	// DuckDB writes 2^64 - 1 for "nowhere", which does not fit an int.
	if !ok || at < 0 || at > float64(len(sql)) {
		return 1
	}
	return 1 + strings.Count(sql[:int(at)], "\n")
}
