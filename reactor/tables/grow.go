package tables

import (
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// Lacking returns the columns of a definition that a table does not have. A column of another type is an error: what it
// holds cannot be compared with what objects give.
func Lacking(meta table.Metadata, d lake.Definition) ([]iceberg.NestedField, error) {
	return lackingIn(meta.CurrentSchema(), d)
}

func lackingIn(schema *iceberg.Schema, d lake.Definition) ([]iceberg.NestedField, error) {
	var lacking []iceberg.NestedField
	for _, f := range d.Schema.Fields() {
		is, ok := schema.FindFieldByName(f.Name)
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
	case *iceberg.StructType:
		b, ok := b.(*iceberg.StructType)
		return ok && slices.EqualFunc(a.FieldList, b.FieldList, func(f, g iceberg.NestedField) bool {
			return f.Name == g.Name && sameType(f.Type, g.Type)
		})
	}
	return a.Equals(b)
}

// Growth is what a table's schema needs for its definition.
type Growth struct {
	// Schema that the table gets; nil when its own will do.
	Schema *iceberg.Schema
	// Added columns are null in old rows. Renamed and Widened ones keep their ids and values: no file is rewritten.
	Added            []iceberg.NestedField
	Renamed, Widened []ColumnChange
	// Partition divides new files from now on; old ones stay. Divided says what it was and will be. Both are nil when nothing changes.
	Partition []lake.PartitionBy
	Divided   *ColumnChange
	// Redefined tells that another definition made the rows: the objects are read again.
	Redefined bool
	// Key is not nil when the rows have another key than the definition: such a table has to be made anew.
	Key *ColumnChange
	// Properties that the table gets with all that.
	Properties iceberg.Properties
}

// Changes tells whether a table has to be changed at all.
func (g *Growth) Changes() bool { return g.Schema != nil || g.Partition != nil || g.Properties != nil }

// ColumnChange is what a column was and will be: two names, or two types.
type ColumnChange struct{ Column, Was, Is string }

// Grow works out what a table needs: columns under the names that the definition gives them now, types that hold more, and the columns
// that the table lacks, as its last ones. A type that would lose something is an error.
func Grow(meta table.Metadata, d lake.Definition) (g Growth, err error) {
	fields := slices.Clone(meta.CurrentSchema().Fields())
	at := func(name string) int {
		return slices.IndexFunc(fields, func(f iceberg.NestedField) bool { return f.Name == name })
	}
	for _, wanted := range d.Schema.Fields() {
		i := at(wanted.Name)
		if i < 0 {
			former := slices.IndexFunc(d.Former[wanted.Name], func(name string) bool { return at(name) >= 0 })
			if former < 0 {
				continue
			}
			was := d.Former[wanted.Name][former]
			i = at(was)
			fields[i].Name = wanted.Name
			g.Renamed = append(g.Renamed, ColumnChange{wanted.Name, was, wanted.Name})
		}
		if widens(fields[i].Type, wanted.Type) {
			g.Widened = append(g.Widened, ColumnChange{wanted.Name, fields[i].Type.String(), wanted.Type.String()})
			fields[i].Type = wanted.Type
		}
	}
	if g.Added, err = lackingIn(iceberg.NewSchema(0, fields...), d); err != nil {
		return g, err
	}
	if len(g.Added)+len(g.Renamed)+len(g.Widened) > 0 {
		if g.Schema, err = grown(meta, fields, g.Added); err != nil {
			return g, err
		}
	}
	g.redefined(meta, d)
	return g, nil
}

// widens tells whether one type holds all that another does, as Iceberg allows it for a table with data.
func widens(is, wanted iceberg.Type) bool {
	if is.Equals(iceberg.PrimitiveTypes.Int32) && wanted.Equals(iceberg.PrimitiveTypes.Int64) ||
		is.Equals(iceberg.PrimitiveTypes.Float32) && wanted.Equals(iceberg.PrimitiveTypes.Float64) {
		return true
	}
	a, ok := is.(iceberg.DecimalType)
	b, too := wanted.(iceberg.DecimalType)
	return ok && too && a.Scale() == b.Scale() && a.Precision() < b.Precision()
}

// ReadingOf returns properties by which other engines read a table whose columns became wider. Spark's reader of whole batches fails on
// files of before an int became a long ("BigIntVector cannot be cast to … IntVector", Iceberg 1.11): arrow-go marks ints in Parquet as
// being of 32 bits, as the format allows, and that reader makes a place of 64 for them. Spark's reader of single rows takes them.
func ReadingOf(widened []ColumnChange) iceberg.Properties {
	if slices.ContainsFunc(widened, func(c ColumnChange) bool { return c.Is == iceberg.PrimitiveTypes.Int64.String() }) {
		return iceberg.Properties{"read.parquet.vectorization.enabled": "false"}
	}
	return nil
}

// grown is a schema with more columns behind those it has, as Iceberg's own `add column` makes it.
func grown(meta table.Metadata, fields, more []iceberg.NestedField) (*iceberg.Schema, error) {
	more = slices.Clone(more) // the caller asks whether they are needed
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
	return iceberg.NewSchema(id, append(fields, fresh.Fields()...)...), nil
}
