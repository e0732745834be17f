// Package datasets lists every dataset that silver knows. A new source is its package and one line here.
package datasets

import (
	"slices"

	"millrace/reactor/silver"
	"millrace/reactor/silver/coincap"
)

var all = slices.Concat(
	coincap.Datasets,
)

// All datasets, in the order of this file.
func All() []*silver.Dataset { return slices.Clone(all) }

// Find a dataset by its name, "<source>/<dataset>".
func Find(name string) (*silver.Dataset, bool) {
	i := slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.Name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}
