package promote

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// columnsProperty of a gold table lists the columns that its model gave it. Every other column belongs to another engine.
const columnsProperty = "millrace.model-columns"

// fit compares the columns of a gold table with those of its model.
type fit struct {
	// evolve is the schema that the table must get; nil when its own will do.
	evolve *iceberg.Schema
	// anew tells that the table lacks a column of the model, by name and type. None of its rows can stay.
	anew bool
}

// fitOf works out what a table needs for its model's rows. A column that keeps its name and type keeps its id, because
// partitioning and old snapshots go by ids. A column of another type is another column. Columns of other engines stay; they
// become optional, because the model has no value for them. Columns of an earlier model go when the model changes.
//
// Other engines may change the order of columns and make them optional: rows are written by name, and an audit refuses nulls
// in the grain.
func fitOf(meta table.Metadata, m *gold.Model) fit {
	current, wanted := meta.CurrentSchema(), m.Schema()
	f := fit{anew: !hasColumns(current, wanted)}
	if !f.anew && meta.Properties()[digestProperty] == m.Digest && !refusesNulls(current, wanted) {
		return f
	}
	var fields []iceberg.NestedField
	next := meta.LastColumnID() + 1
	for _, w := range wanted.Fields() {
		old, ok := current.FindFieldByName(w.Name)
		if !ok && w.Name == gold.Day {
			old, ok = partitionSource(meta) // renamed: rows stay partitioned by it
		}
		if ok && old.Type.Equals(w.Type) {
			w.ID, w.Required = old.ID, w.Required && (old.Required || f.anew)
		} else {
			w.ID = next
			next++
		}
		fields = append(fields, w)
	}
	for _, c := range foreignColumns(meta, m) {
		if !slices.ContainsFunc(fields, func(f iceberg.NestedField) bool { return f.ID == c.ID }) {
			c.Required = false
			fields = append(fields, c)
		}
	}
	if sameColumns(current.Fields(), fields) {
		return f
	}
	id := 0
	for _, s := range meta.Schemas() {
		id = max(id, s.ID+1)
	}
	f.evolve = iceberg.NewSchema(id, fields...)
	return f
}

// hasColumns tells whether a schema has all columns of another, by name and type.
func hasColumns(current, wanted *iceberg.Schema) bool {
	return !slices.ContainsFunc(wanted.Fields(), func(w iceberg.NestedField) bool {
		is, ok := current.FindFieldByName(w.Name)
		return !ok || !is.Type.Equals(w.Type)
	})
}

// refusesNulls tells whether a table requires a column that its model may leave null.
func refusesNulls(current, wanted *iceberg.Schema) bool {
	return slices.ContainsFunc(current.Fields(), func(is iceberg.NestedField) bool {
		w, ok := wanted.FindFieldByName(is.Name)
		return is.Required && (!ok || !w.Required)
	})
}

// foreignColumns returns the columns of a table that no model made. A table of an earlier release does not list its model's
// columns. If the model has changed since, every other column counts as one of the earlier model.
func foreignColumns(meta table.Metadata, m *gold.Model) []iceberg.NestedField {
	made := map[string]bool{}
	for _, c := range m.Columns {
		made[c.Name] = true
	}
	list, known := meta.Properties()[columnsProperty]
	if !known && meta.Properties()[digestProperty] != m.Digest {
		return nil
	}
	for name := range strings.SplitSeq(list, ",") {
		made[name] = true
	}
	return slices.DeleteFunc(meta.CurrentSchema().Fields(), func(f iceberg.NestedField) bool { return made[f.Name] })
}

// partitionSource returns the column by whose month a table is partitioned.
func partitionSource(meta table.Metadata) (iceberg.NestedField, bool) {
	spec := meta.PartitionSpec()
	if spec.NumFields() == 0 {
		return iceberg.NestedField{}, false
	}
	return meta.CurrentSchema().FindFieldByID(spec.Field(0).SourceID())
}

func sameColumns(a, b []iceberg.NestedField) bool {
	return slices.EqualFunc(a, b, func(f, g iceberg.NestedField) bool {
		return f.ID == g.ID && f.Name == g.Name && f.Required == g.Required && f.Type.Equals(g.Type)
	})
}

// refuseLoss checks a commit of gold before it is written. A file may go if its rows are written again (carried has its id), or
// if all days that it may hold are computed. Anything else would delete rows that no model computes: a table of 7,976 rows once
// shrank to 21 when another engine had added a column.
func refuseLoss(t *lake.Table, remove []lake.File, carried map[string]bool, computed plan.Days) error {
	for _, f := range remove {
		if carried[f.ID()] {
			continue
		}
		held := plan.Of(days(t, f, gold.Day))
		if !held.Intersect(computed).Equal(held) {
			return fmt.Errorf("write %s: the commit would remove %d rows of %s in %s but computes only %s; nothing is written; please report this", t.Name, f.Rows(), held, f.Path(), computed)
		}
	}
	return nil
}
