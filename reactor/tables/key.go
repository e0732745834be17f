package tables

import (
	"slices"

	"millrace/reactor/namespace"

	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// KeyOf returns the columns that tell the rows of a table apart: a dataset's key, or a gold model's grain, which are the
// columns without nulls. A table of another engine may have none.
func KeyOf(t *lake.Table) []string {
	if t.Name == Rejected {
		return silver.RejectedKey()
	}
	for _, d := range datasets.All() {
		if t.Name == d.TableName() {
			return slices.Clone(d.Key)
		}
	}
	var key []string
	if namespace.Gold.Has(t.Name) {
		for _, f := range t.Meta.CurrentSchema().Fields() {
			if f.Required {
				key = append(key, f.Name)
			}
		}
	}
	return key
}
