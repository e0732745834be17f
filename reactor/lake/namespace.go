package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/iceberg-go"
	"github.com/uptrace/bun"
)

// namespaceExists is the property by which Iceberg's JDBC catalogs remember a namespace that has no other one.
const namespaceExists = "exists"

// Namespaces lists the namespaces of one level, in their order: those in parent, or the top ones where it is "". A namespace is
// there when it was made, and also when a table or another namespace is in it.
func (l *Lake) Namespaces(ctx context.Context, parent string) (names []string, err error) {
	err = l.catalog.read(ctx, func(tx bun.Tx) error {
		if parent != "" {
			if err := mustHaveNamespace(ctx, tx, parent); err != nil {
				return err
			}
		}
		names, err = children(ctx, tx, parent)
		return err
	})
	return names, err
}

// children lists the namespaces one level below parent.
func children(ctx context.Context, tx bun.IDB, parent string) ([]string, error) {
	below := ""
	if parent != "" {
		below = parent + "."
	}
	var all []string
	err := tx.NewRaw(`SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ? AND substr(namespace, 1, ?) = ?
		UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ? AND substr(table_namespace, 1, ?) = ?`,
		CatalogName, utf8.RuneCountInString(below), below, CatalogName, utf8.RuneCountInString(below), below).Scan(ctx, &all)
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	found := map[string]bool{}
	for _, name := range all {
		level, _, _ := strings.Cut(strings.TrimPrefix(name, below), ".")
		found[below+level] = true
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// mustHaveNamespace fails when a namespace is not there.
func mustHaveNamespace(ctx context.Context, tx bun.IDB, name string) error {
	n, err := traces(ctx, tx, name)
	if err == nil && n == 0 {
		err = &MissingError{KindNamespace, name}
	}
	return err
}

// traces counts the rows that make a namespace be there: its properties, its tables and views, and those of namespaces in it.
func traces(ctx context.Context, tx bun.IDB, name string) (n int, err error) {
	below := name + "."
	err = tx.NewRaw(`SELECT (SELECT count(*) FROM iceberg_namespace_properties WHERE catalog_name = ? AND (namespace = ? OR substr(namespace, 1, ?) = ?))
		+ (SELECT count(*) FROM iceberg_tables WHERE catalog_name = ? AND (table_namespace = ? OR substr(table_namespace, 1, ?) = ?))`,
		CatalogName, name, utf8.RuneCountInString(below), below, CatalogName, name, utf8.RuneCountInString(below), below).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("look for namespace %s: %w", name, err)
	}
	return n, nil
}

// Namespace returns the properties of a namespace.
func (l *Lake) Namespace(ctx context.Context, name string) (iceberg.Properties, error) {
	properties := iceberg.Properties{}
	err := l.catalog.read(ctx, func(tx bun.Tx) error {
		if err := mustHaveNamespace(ctx, tx, name); err != nil {
			return err
		}
		var err error
		properties, err = namespaceProperties(ctx, tx, name)
		return err
	})
	return properties, err
}

func namespaceProperties(ctx context.Context, tx bun.IDB, name string) (iceberg.Properties, error) {
	var rows []struct{ PropertyKey, PropertyValue string }
	err := tx.NewSelect().TableExpr("iceberg_namespace_properties").Column("property_key").ColumnExpr("coalesce(property_value, '') AS property_value").
		Where("catalog_name = ? AND namespace = ?", CatalogName, name).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read the properties of namespace %s: %w", name, err)
	}
	properties := iceberg.Properties{}
	for _, r := range rows {
		if r.PropertyKey != namespaceExists {
			properties[r.PropertyKey] = r.PropertyValue
		}
	}
	return properties, nil
}

// CreateNamespace makes a namespace with properties. Those that it is in need not be there.
func (l *Lake) CreateNamespace(ctx context.Context, name string, properties iceberg.Properties) error {
	if _, reserved := properties[namespaceExists]; reserved {
		return invalid("a namespace cannot have a property named %q: Iceberg's catalogs keep that name to themselves", namespaceExists)
	}
	return l.write(ctx, func(tx *Tx) error {
		// The row is written first: two who make one namespace at once meet in it.
		made, err := tx.rememberNamespace(ctx, name)
		if err != nil {
			return err
		}
		n, err := traces(ctx, tx.tx, name)
		if err != nil {
			return err
		}
		if !made || n > 1 {
			return &TakenError{Kind: KindNamespace, Name: name}
		}
		return tx.setNamespaceProperties(ctx, name, properties)
	})
}

// rememberNamespace writes the row by which a namespace is there without tables, and tells whether it was not there.
func (t *Tx) rememberNamespace(ctx context.Context, name string) (made bool, err error) {
	n, err := affected(t.tx.ExecContext(ctx, `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
		VALUES (?, ?, ?, 'true') ON CONFLICT DO NOTHING`, CatalogName, name, namespaceExists))
	if err != nil {
		return false, fmt.Errorf("make namespace %s: %w", name, err)
	}
	return n > 0, nil
}

func (t *Tx) setNamespaceProperties(ctx context.Context, name string, properties iceberg.Properties) error {
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if _, err := t.tx.ExecContext(ctx, `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)
			ON CONFLICT (catalog_name, namespace, property_key) DO UPDATE SET property_value = excluded.property_value`,
			CatalogName, name, key, properties[key]); err != nil {
			return fmt.Errorf("set property %s of namespace %s: %w", key, name, err)
		}
	}
	return nil
}

// ChangeNamespace sets properties of a namespace and takes others away. It returns those of remove that were there and those that
// were not.
func (l *Lake) ChangeNamespace(ctx context.Context, name string, set iceberg.Properties, remove []string) (removed, missing []string, err error) {
	if _, reserved := set[namespaceExists]; reserved || slices.Contains(remove, namespaceExists) {
		return nil, nil, invalid("the property %q of a namespace cannot be changed: Iceberg's catalogs keep it to themselves", namespaceExists)
	}
	err = l.write(ctx, func(tx *Tx) error {
		made, err := tx.rememberNamespace(ctx, name)
		if err != nil {
			return err
		}
		if n, err := traces(ctx, tx.tx, name); err != nil || made && n == 1 {
			return errors.Join(err, &MissingError{KindNamespace, name})
		}
		removed, missing, err = tx.removeNamespaceProperties(ctx, name, remove)
		if err != nil {
			return err
		}
		return tx.setNamespaceProperties(ctx, name, set)
	})
	return removed, missing, err
}

func (t *Tx) removeNamespaceProperties(ctx context.Context, name string, keys []string) (removed, missing []string, err error) {
	for _, key := range keys {
		n, err := affected(t.tx.ExecContext(ctx, `DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ? AND property_key = ?`, CatalogName, name, key))
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("take property %s off namespace %s: %w", key, name, err)
		case n == 0:
			missing = append(missing, key)
		default:
			removed = append(removed, key)
		}
	}
	return removed, missing, nil
}

// DropNamespace takes away a namespace that has neither tables nor views nor namespaces in it.
func (l *Lake) DropNamespace(ctx context.Context, name string) error {
	return l.write(ctx, func(tx *Tx) error {
		n, err := affected(tx.tx.ExecContext(ctx, `DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?`, CatalogName, name))
		if err != nil {
			return fmt.Errorf("drop namespace %s: %w", name, err)
		}
		in, err := children(ctx, tx.tx, name)
		if err != nil {
			return err
		}
		if len(in) > 0 {
			return &NotEmptyError{name, "namespace " + in[0]}
		}
		var held []struct{ TableName, IcebergType string }
		err = tx.tx.NewSelect().TableExpr("iceberg_tables").Column("table_name").ColumnExpr("coalesce(iceberg_type, 'TABLE') AS iceberg_type").
			Where("catalog_name = ? AND table_namespace = ?", CatalogName, name).OrderExpr("table_name").Limit(1).Scan(ctx, &held)
		switch {
		case err != nil:
			return fmt.Errorf("drop namespace %s: %w", name, err)
		case len(held) > 0:
			return &NotEmptyError{name, strings.ToLower(held[0].IcebergType) + " " + held[0].TableName}
		case n == 0:
			return &MissingError{KindNamespace, name}
		}
		return nil
	})
}
