package silver

import "millrace/reactor/namespace"

// TableName is the name that a table of silver has in the catalog: silver.<table>.
func TableName(table string) string { return namespace.Silver.Table(table) }

// TableName is the name of the dataset's table in the catalog.
func (d *Dataset) TableName() string { return TableName(d.Table) }

// CutName is the inverse of TableName; ok is false for the name of a table that is not silver's.
func CutName(name string) (table string, ok bool) { return namespace.Silver.Cut(name) }
