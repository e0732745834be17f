package main

import (
	"slices"
	"strings"

	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// keyOf are the columns that tell the rows of a table apart: a dataset's key, a gold model's grain, which are the columns
// without nulls. A table of another engine may have none.
func keyOf(t *lake.Table) []string {
	if t.Name == "silver."+silver.RejectedTable {
		return silver.RejectedKey()
	}
	for _, d := range datasets.All() {
		if t.Name == "silver."+d.Table {
			return slices.Clone(d.Key)
		}
	}
	var key []string
	if strings.HasPrefix(t.Name, "gold.") {
		for _, f := range t.Meta.CurrentSchema().Fields() {
			if f.Required {
				key = append(key, f.Name)
			}
		}
	}
	return key
}
