package query

import "testing"

// A table of another engine named f was read for each `from`, and where DuckDB cannot have it, no query worked any more.
func TestAPartOfAWordNamesNoTable(t *testing.T) {
	for _, c := range []struct {
		sql, name string
		want      bool
	}{
		{"select * from gold.rankings", "lab.f", false},
		{"select * from lab.f", "lab.f", true},
		{"select * from LAB.F where x", "lab.f", true},
		{"from f", "lab.f", true},
		{`from "f"`, "lab.f", true},
		{"select off, f2, xf, _f from t", "lab.f", false},
		{"select offf.f from t", "lab.f", true},
		{"from gold.rankings", "gold.rankings", true},
		{"from gold.rankings_old", "gold.rankings", false},
		{"from gold.rankings_old, rankings", "gold.rankings", true},
		{`from lab."a b"`, "lab.a b", true},
		{`from lab."x' or 1=1 --y"`, "lab.' or 1=1 --", true},
		{"from größe", "lab.e", false},
		{"from lab.größe", "lab.größe", true},
		{"from query($$from rankings$$)", "gold.rankings", true},
		{`from query(e'from\nrankings')`, "gold.rankings", true},
		{`from "a""b"`, `lab.a"b`, true},
		{"select 1", "lab.", true},
	} {
		if got := mentions(c.sql, c.name); got != c.want {
			t.Errorf("%q names %s: %v", c.sql, c.name, got)
		}
	}
}
