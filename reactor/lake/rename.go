package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// write makes a change of the catalog alone true, again when another one was in its way.
func (l *Lake) write(ctx context.Context, change func(*Tx) error) error {
	return Retry{}.Do(ctx, func() error { return l.catalog.write(ctx, change) })
}

// Rename gives a table or view another name, maybe in another namespace. Its files stay where they are.
func (l *Lake) Rename(ctx context.Context, kind Kind, from, to Identifier) error {
	return l.write(ctx, func(tx *Tx) error {
		// Not the name alone would do: an update that finds the name taken fails, and ends PostgreSQL's transaction.
		n, err := affected(tx.tx.ExecContext(ctx, `UPDATE iceberg_tables SET table_namespace = ?, table_name = ?
			WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND ?
			AND NOT EXISTS (SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?)`,
			to.Namespace, to.Name, CatalogName, from.Namespace, from.Name, bun.Safe(ofKind(kind)), CatalogName, to.Namespace, to.Name))
		if err != nil {
			return fmt.Errorf("rename %s to %s: %w", from, to, err)
		}
		if n == 0 {
			return whyNotRenamed(ctx, tx.tx, kind, from, to)
		}
		held, err := traces(ctx, tx.tx, to.Namespace)
		if err == nil && held == 1 { // the row itself
			err = &MissingError{KindNamespace, to.Namespace}
		}
		return err
	})
}

// whyNotRenamed says what kept a table or view from getting another name.
func whyNotRenamed(ctx context.Context, tx bun.IDB, kind Kind, from, to Identifier) error {
	if _, err := locate(ctx, tx, kind, from); err != nil {
		return err
	}
	if from == to {
		return nil
	}
	return &RenameError{from.String(), to.String(), taken(ctx, tx, "", to)}
}

// taken says what has a name that something of the kind wanted should get.
func taken(ctx context.Context, tx bun.IDB, wanted Kind, id Identifier) error {
	var kind Kind
	err := tx.NewSelect().TableExpr("iceberg_tables").ColumnExpr("coalesce(iceberg_type, 'TABLE')").
		Where("catalog_name = ? AND table_namespace = ? AND table_name = ?", CatalogName, id.Namespace, id.Name).Scan(ctx, &kind)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrConflict // it has just gone
	}
	if err != nil {
		return fmt.Errorf("look for %s: %w", id, err)
	}
	return &TakenError{kind, id.String(), wanted}
}

// Drop takes a table or view out of the catalog. Its files stay.
func (l *Lake) Drop(ctx context.Context, kind Kind, id Identifier) error {
	return l.write(ctx, func(tx *Tx) error {
		n, err := affected(tx.tx.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND ?`,
			CatalogName, id.Namespace, id.Name, bun.Safe(ofKind(kind))))
		if err != nil {
			return fmt.Errorf("drop %s: %w", id, err)
		}
		if n == 0 {
			return &MissingError{kind, id.String()}
		}
		return nil
	})
}
