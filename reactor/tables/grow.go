package tables

import (
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// Lacking returns the columns of a definition that a table does not have. A column of another type is an error: what it
// holds cannot be compared with what objects give.
func Lacking(meta table.Metadata, d lake.Definition) ([]iceberg.NestedField, error) {
	var lacking []iceberg.NestedField
	for _, f := range d.Schema.Fields() {
		is, ok := meta.CurrentSchema().FindFieldByName(f.Name)
		switch {
		case !ok:
			lacking = append(lacking, f)
		case !holds(is.Type, f.Type):
			return nil, fmt.Errorf("%s has the column %s as %s, and its definition says %s: rename the column in the definition, or have the table made anew from bronze",
				d.Name, f.Name, is.Type, f.Type)
		}
	}
	return lacking, nil
}

// holds tells whether a column has the type of its definition, or one that another engine made wider: each int is a long.
func holds(is, wanted iceberg.Type) bool {
	if wanted.Equals(iceberg.PrimitiveTypes.Int32) && is.Equals(iceberg.PrimitiveTypes.Int64) {
		return true
	}
	return sameType(is, wanted)
}

// sameType compares types and not the ids of what is nested in them, which each table numbers for itself.
func sameType(a, b iceberg.Type) bool {
	switch a := a.(type) {
	case *iceberg.MapType:
		b, ok := b.(*iceberg.MapType)
		return ok && sameType(a.KeyType, b.KeyType) && sameType(a.ValueType, b.ValueType)
	case *iceberg.ListType:
		b, ok := b.(*iceberg.ListType)
		return ok && sameType(a.Element, b.Element)
	}
	return a.Equals(b)
}

// Grown is a table's schema with more columns behind those it has, as Iceberg's own `add column` makes it.
func Grown(meta table.Metadata, more []iceberg.NestedField) (*iceberg.Schema, error) {
	for i := range more {
		more[i].Required = false // old rows have no value
	}
	last := meta.LastColumnID()
	fresh, err := iceberg.AssignFreshSchemaIDs(iceberg.NewSchema(0, more...), func() int {
		last++
		return last
	})
	if err != nil {
		return nil, err
	}
	id := 0
	for _, s := range meta.Schemas() {
		id = max(id, s.ID+1)
	}
	return iceberg.NewSchema(id, append(meta.CurrentSchema().Fields(), fresh.Fields()...)...), nil
}
