package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// pointer is a row of the catalog. It says where a table's current metadata lies.
type pointer struct{ Name, Location string }

// pointers reads those of all tables. A view of another engine is no table.
func pointers(ctx context.Context, db bun.IDB) (all []pointer, err error) {
	err = db.NewSelect().TableExpr("iceberg_tables").
		ColumnExpr("table_namespace || '.' || table_name AS name").ColumnExpr("metadata_location AS location").
		Where("catalog_name = ?", CatalogName).Where("iceberg_type = 'TABLE' OR iceberg_type IS NULL").
		OrderExpr("table_namespace, table_name").Scan(ctx, &all)
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	return all, nil
}

// Version is the number of a table's current metadata; ok is false when there is no such table.
func (l *Lake) Version(ctx context.Context, name string) (version int, ok bool, err error) {
	id, err := parseName(name)
	if err != nil {
		return 0, false, err
	}
	var location string
	err = l.catalog.db.NewRaw(`SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`,
		CatalogName, id.namespace, id.table).Scan(ctx, &location)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read catalog: %w", err)
	}
	version, err = MetadataVersion(location)
	return version, err == nil, err
}

// create registers a new table, and its namespace.
func (t *Tx) create(ctx context.Context, name, location string) error {
	id, err := parseName(name)
	if err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
		VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING`, CatalogName, id.namespace); err != nil {
		return fmt.Errorf("make namespace %s: %w", id.namespace, err)
	}
	n, err := affected(t.tx.ExecContext(ctx, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES (?, ?, ?, 'TABLE', ?) ON CONFLICT DO NOTHING`, CatalogName, id.namespace, id.table, location))
	if err != nil {
		return fmt.Errorf("make table %s: %w", name, err)
	}
	if n == 0 {
		return fmt.Errorf("make table %s: %w", name, ErrConflict)
	}
	return nil
}

// move is the compare-and-swap of one pointer.
func (t *Tx) move(ctx context.Context, name, from, to string) error {
	id, err := parseName(name)
	if err != nil {
		return err
	}
	n, err := affected(t.tx.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
		to, from, CatalogName, id.namespace, id.table, from))
	if err != nil {
		return fmt.Errorf("move pointer of %s: %w", name, err)
	}
	if n == 0 {
		return fmt.Errorf("move pointer of %s: %w", name, ErrConflict)
	}
	return nil
}

// unregister takes a table out of the catalog. Its files stay.
func (t *Tx) unregister(ctx context.Context, name string) error {
	id, err := parseName(name)
	if err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`, CatalogName, id.namespace, id.table); err != nil {
		return fmt.Errorf("take table %s out of the catalog: %w", name, err)
	}
	return nil
}
