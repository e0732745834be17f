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
		CatalogName, id.Namespace, id.Name).Scan(ctx, &location)
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
	if _, err := t.rememberNamespace(ctx, id.Namespace); err != nil {
		return err
	}
	ok, err := t.register(ctx, KindTable, id, location)
	if err == nil && !ok {
		err = fmt.Errorf("make table %s: %w", name, ErrConflict)
	}
	return err
}

// register writes the row of a new table or view, and tells whether the name was free.
func (t *Tx) register(ctx context.Context, kind Kind, id Identifier, location string) (ok bool, err error) {
	n, err := affected(t.tx.ExecContext(ctx, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, CatalogName, id.Namespace, id.Name, kind, location))
	if err != nil {
		return false, fmt.Errorf("make %s: %w", id, err)
	}
	return n > 0, nil
}

// add registers a new table or view in a namespace that must be there.
func (t *Tx) add(ctx context.Context, kind Kind, id Identifier, location string) error {
	ok, err := t.register(ctx, kind, id, location)
	if err != nil {
		return err
	}
	if !ok {
		return taken(ctx, t.tx, kind, id)
	}
	held, err := traces(ctx, t.tx, id.Namespace)
	if err == nil && held == 1 { // the row itself
		err = &MissingError{KindNamespace, id.Namespace}
	}
	return err
}

// move is the compare-and-swap of one table's pointer.
func (t *Tx) move(ctx context.Context, name, from, to string) error {
	id, err := parseName(name)
	if err != nil {
		return err
	}
	return t.swap(ctx, KindTable, id, from, to)
}

// swap is the compare-and-swap of the pointer of a table or view.
func (t *Tx) swap(ctx context.Context, kind Kind, id Identifier, from, to string) error {
	n, err := affected(t.tx.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ? AND ?`,
		to, from, CatalogName, id.Namespace, id.Name, from, bun.Safe(ofKind(kind))))
	if err != nil {
		return fmt.Errorf("move pointer of %s: %w", id, err)
	}
	if n == 0 {
		return fmt.Errorf("move pointer of %s: %w", id, ErrConflict)
	}
	return nil
}

// unregister takes a table out of the catalog. Its files stay.
func (t *Tx) unregister(ctx context.Context, name string) error {
	id, err := parseName(name)
	if err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`, CatalogName, id.Namespace, id.Name); err != nil {
		return fmt.Errorf("take table %s out of the catalog: %w", name, err)
	}
	return nil
}
