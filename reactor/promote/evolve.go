package promote

import (
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// evolve gives the schema that a table needs for columns as wanted, nil when it has it. A column that stays, in name and
// type, keeps its id: partitioning and old snapshots go by ids. A column of another type is another column.
func evolve(meta table.Metadata, wanted *iceberg.Schema) *iceberg.Schema {
	current := meta.CurrentSchema()
	if sameColumns(current, wanted) {
		return nil
	}
	next := meta.LastColumnID() + 1
	fields := make([]iceberg.NestedField, wanted.NumFields())
	for i, f := range wanted.Fields() {
		old, ok := current.FindFieldByName(f.Name)
		if ok && old.Type.Equals(f.Type) {
			f.ID = old.ID
		} else {
			f.ID = next
			next++
		}
		fields[i] = f
	}
	id := 0
	for _, s := range meta.Schemas() {
		id = max(id, s.ID+1)
	}
	return iceberg.NewSchema(id, fields...)
}

func sameColumns(a, b *iceberg.Schema) bool {
	if a.NumFields() != b.NumFields() {
		return false
	}
	for i, f := range a.Fields() {
		g := b.Field(i)
		if f.Name != g.Name || f.Required != g.Required || !f.Type.Equals(g.Type) {
			return false
		}
	}
	return true
}
