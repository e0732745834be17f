package pgwire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rewrite is a statement in DuckDB's SQL. Queries of people are left as they are; what clients ask of PostgreSQL's catalog has
// some words that DuckDB has not.
func rewrite(sql []token) string {
	if answer, ok := show(words(sql)); ok {
		return answer
	}
	if mentions(sql, "pg_publication_rel") {
		// psql's question which publications a table is in (\d) indexes an array by a whole row, which DuckDB does not do. There are none.
		return "select ''::varchar as pubname, ''::varchar as qual, ''::varchar as attributes where false"
	}
	var out []token
	for i := 0; i < len(sql); i++ {
		t := sql[i]
		rest := sql[i+1:]
		switch {
		case t.is("pg_catalog") && starts(rest, "."):
			i++ // names of the catalog are found without their schema
		case t.is("information_schema") && len(rest) > 1 && rest[0].text == "." && slices.Contains(informed, strings.ToLower(rest[1].text)):
			out, i = append(out, token{word, catalogSchema + ".information_" + rest[1].text}), i+2
		case t.is("operator") && starts(rest, "("):
			n, operator := operatorIn(rest)
			out, i = append(out, token{symbol, operator}), i+n
		case t.is("json_build_object") && starts(rest, "("):
			out = append(out, token{word, "json_object"})
		case t.is("collate"):
			i += collation(rest)
		case t.kind == text && casts(rest, "regclass"):
			n := afterCast(rest)
			out, i = append(out, token{word, "to_regclass(" + t.text + ")"}), i+n
		default:
			out = append(out, t)
		}
	}
	for i, t := range out {
		if t.text == "~" || t.text == " ~ " || t.text == " !~ " {
			widen(out[i+1:])
		}
	}
	return join(out)
}

// mentions tells whether a name stands in a statement.
func mentions(sql []token, name string) bool {
	return slices.ContainsFunc(sql, func(t token) bool { return t.is(name) })
}

// widen lets the pattern after the operator ~ match a part of a text, as PostgreSQL has it: DuckDB's matches the whole.
func widen(all []token) {
	for i, t := range all {
		if t.kind == text && strings.HasPrefix(t.text, "'") {
			pattern, begins := strings.CutPrefix(strings.Trim(t.text, "'"), "^")
			pattern, ends := strings.CutSuffix(pattern, "$")
			pattern = "(" + pattern + ")"
			if !begins {
				pattern = ".*" + pattern
			}
			if !ends {
				pattern += ".*"
			}
			all[i].text = "'" + pattern + "'"
		}
		if t.kind != space {
			return
		}
	}
}

// informed are the views of information_schema that show the lake alone. The others are DuckDB's own.
var informed = []string{"tables", "columns", "schemata"}

// starts tells whether the first token is a symbol.
func starts(all []token, s string) bool { return len(all) > 0 && all[0].text == s }

// operatorIn reads (pg_catalog.~) and gives its length and ~.
func operatorIn(all []token) (n int, operator string) {
	for n < len(all) && all[n].text != ")" {
		if all[n].kind == symbol && all[n].text != "(" && all[n].text != "." {
			operator += all[n].text
		}
		n++
	}
	return n + 1, " " + operator + " "
}

// collation is how many tokens name one: a.b, "a" or a.
func collation(all []token) (n int) {
	for n < len(all) && all[n].kind == space {
		n++
	}
	n++
	for n+1 < len(all) && all[n].text == "." {
		n += 2
	}
	return n
}

// casts tells whether a cast to a type follows: ::pg_catalog.regclass.
func casts(all []token, to string) bool {
	switch {
	case !starts(all, "::"):
		return false
	case len(all) > 3 && all[1].is("pg_catalog"):
		return all[3].is(to)
	}
	return len(all) > 1 && all[1].is(to)
}

func afterCast(all []token) int {
	if all[1].is("pg_catalog") {
		return 4
	}
	return 2
}

// quote writes a text as SQL.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// listed are the numbers of the parameters that stand alone in any(…): a list, although some clients send it as a text.
func listed(sql []token) map[int]bool {
	var solid []token
	for _, t := range sql {
		if t.kind != space {
			solid = append(solid, t)
		}
	}
	all := map[int]bool{}
	for i := 2; i+1 < len(solid); i++ {
		if solid[i].kind == parameter && solid[i-1].text == "(" && (solid[i-2].is("any") || solid[i-2].is("all")) {
			n, _ := strconv.Atoi(solid[i].text[1:]) // it is a number, or no parameter
			all[n] = true
		}
	}
	return all
}

// bound is a statement with its parameters' values.
func bound(sql []token, literals []string) ([]token, error) {
	out := make([]token, len(sql))
	for i, t := range sql {
		out[i] = t
		if t.kind != parameter {
			continue
		}
		n, err := strconv.Atoi(t.text[1:])
		if err != nil || n < 1 || n > len(literals) {
			return nil, fmt.Errorf("there is no value for the parameter %s: %d were sent", t.text, len(literals))
		}
		out[i] = token{text, literals[n-1]}
	}
	return out, nil
}

// typed is a statement whose parameters say the types that the client names.
func typed(sql []token, oids []uint32) []token {
	out, lists := make([]token, len(sql)), listed(sql)
	for i, t := range sql {
		out[i] = t
		if t.kind != parameter {
			continue
		}
		n, _ := strconv.Atoi(t.text[1:]) // it is a number, or no parameter
		name := ""
		if n > 0 && n <= len(oids) {
			name = typeNames[oids[n-1]]
		}
		if name == "" && lists[n] {
			name = "VARCHAR[]" // without it DuckDB knows the type of no parameter
		}
		if name != "" {
			out[i] = token{text, "CAST(" + t.text + " AS " + name + ")"}
		}
	}
	return out
}
