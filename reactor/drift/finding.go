package drift

import (
	"cmp"
	"encoding/json"
	"strings"

	"millrace/reactor/silver"
)

// What a finding is about.
const (
	Gone    = "gone"    // a field that all objects before had is in no row
	Nulls   = "nulls"   // a column that hardly ever was null is null in half of the rows or more
	Refused = "refused" // a tenth of the rows or more are refused, and hardly any was
)

// Kinds of findings, all of them.
var Kinds = []string{Gone, Nulls, Refused}

// Finding is one way in which the newest objects of a dataset differ from those before.
type Finding struct {
	What  string `json:"what"`
	Of    string `json:"of,omitempty"`    // the kind of objects, such as d1, where the dataset has several
	Field string `json:"field,omitempty"` // as the source calls it; "" for refused rows
	Near  string `json:"near,omitempty"`  // the new field that has nearly the name of the one that is gone
	// Key and Version are those of the first object that differs.
	Key     string `json:"key"`
	Version string `json:"version"`
}

func (f Finding) String() string {
	text := map[string]string{Gone: f.Field + " is gone", Nulls: f.Field + " is null in most rows", Refused: "rows are refused"}[f.What]
	if f.Near != "" {
		text += ", " + f.Near + " is new"
	}
	if f.Of != "" {
		text += ", in objects of " + f.Of
	}
	return text
}

// same tells whether two findings are about one thing.
func (f Finding) same(g Finding) bool { return f.compare(g) == 0 }

func (f Finding) compare(g Finding) int {
	return cmp.Or(strings.Compare(f.Of, g.Of), strings.Compare(f.What, g.What), strings.Compare(f.Field, g.Field))
}

// shown tells whether an object's rows are such as the finding says, whatever was before.
func (f Finding) shown(s silver.Shape, names [][]string) bool {
	if f.What == Refused {
		return refusing(s)
	}
	for i := range names {
		if names[i][0] == f.Field {
			return f.What == Gone && lost(s, i) || f.What == Nulls && mostlyNull(s, i)
		}
	}
	return false // of a dataset that has no such field any more
}

// Text writes findings, "" for none: they stand in a property of the dataset's table.
func Text(findings []Finding) string {
	if len(findings) == 0 {
		return ""
	}
	text, err := json.Marshal(findings)
	if err != nil {
		panic("write findings: " + err.Error()) // strings
	}
	return string(text)
}

// Parse is the inverse of Text. What it cannot read stands no longer.
func Parse(text string) []Finding {
	var findings []Finding
	if json.Unmarshal([]byte(text), &findings) != nil {
		return nil
	}
	return findings
}
