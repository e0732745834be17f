package promote

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
	"millrace/reactor/silver"
)

// Definitions are silver's tables of a dataset.
func Definitions(d *silver.Dataset) []lake.Definition {
	return []lake.Definition{
		{Name: "silver." + d.Table, Schema: d.Schema(), Spec: d.PartitionSpec(), Order: d.Key},
		{Name: "silver." + silver.RejectedTable, Schema: silver.RejectedSchema(), Spec: silver.RejectedPartitionSpec(), Order: silver.RejectedKey()},
	}
}

// Prepare makes the promoter's tables, and gives tables of an earlier release the columns that their definition has got
// since. They are null in the rows that are there, until a replay brings their values.
func (s *Silver) Prepare(ctx context.Context) error {
	if err := s.lake.Create(ctx, s.Tables()...); err != nil {
		return err
	}
	_, err := retryConflicts(ctx, s.metrics, func() (struct{}, error) { return struct{}{}, s.grow(ctx) })
	return err
}

func (s *Silver) grow(ctx context.Context) error {
	view, err := s.lake.View(ctx)
	if err != nil {
		return err
	}
	var changes []lake.Change
	for _, d := range s.Tables() {
		t, err := view.Table(d.Name)
		if err != nil {
			return err
		}
		lacking, err := Lacking(t.Meta, d)
		if err != nil {
			return err
		}
		if len(lacking) == 0 {
			continue
		}
		schema, err := grown(t.Meta, lacking)
		if err != nil {
			return fmt.Errorf("add columns to %s: %w", d.Name, err)
		}
		s.log.Info("table gets new columns", "table", d.Name, "columns", len(lacking))
		changes = append(changes, lake.Change{Base: t, Evolve: schema})
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = s.lake.Commit(ctx, changes, nil)
	return err
}

// Lacking are the columns of a definition that a table does not have. A column of another type is an error: what it holds
// cannot be compared with what objects give.
func Lacking(meta table.Metadata, d lake.Definition) ([]iceberg.NestedField, error) {
	var lacking []iceberg.NestedField
	for _, f := range d.Schema.Fields() {
		is, ok := meta.CurrentSchema().FindFieldByName(f.Name)
		switch {
		case !ok:
			lacking = append(lacking, f)
		case !sameType(is.Type, f.Type):
			return nil, fmt.Errorf("%s has the column %s as %s, and its definition says %s: rename the column in the definition, or have the table made anew from bronze",
				d.Name, f.Name, is.Type, f.Type)
		}
	}
	return lacking, nil
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

// grown is a table's schema with more columns behind those it has, as Iceberg's own `add column` makes it.
func grown(meta table.Metadata, more []iceberg.NestedField) (*iceberg.Schema, error) {
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
