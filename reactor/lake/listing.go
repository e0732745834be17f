package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun"
)

// ofKind is the SQL that picks the rows of a kind. A row of before views has no type and is a table.
func ofKind(kind Kind) string {
	if kind == KindView {
		return "iceberg_type = 'VIEW'"
	}
	return "(iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
}

// List returns the names of the tables or views of a namespace, in their order, from the first one after a name. It returns limit of
// them at most; 0 is no limit.
func (l *Lake) List(ctx context.Context, kind Kind, namespace, after string, limit int) (names []string, err error) {
	err = l.catalog.read(ctx, func(tx bun.Tx) error {
		if err := mustHaveNamespace(ctx, tx, namespace); err != nil {
			return err
		}
		q := tx.NewSelect().TableExpr("iceberg_tables").Column("table_name").
			Where("catalog_name = ? AND table_namespace = ?", CatalogName, namespace).Where(ofKind(kind)).OrderExpr("table_name")
		if after != "" {
			q = q.Where("table_name > ?", after)
		}
		if limit > 0 {
			q = q.Limit(limit)
		}
		return q.Scan(ctx, &names)
	})
	return names, err
}

// Locate finds where the metadata of a table or view lies now.
func (l *Lake) Locate(ctx context.Context, kind Kind, id Identifier) (location string, err error) {
	return locate(ctx, l.catalog.db, kind, id)
}

func locate(ctx context.Context, db bun.IDB, kind Kind, id Identifier) (location string, err error) {
	err = db.NewSelect().TableExpr("iceberg_tables").ColumnExpr("coalesce(metadata_location, '')").
		Where("catalog_name = ? AND table_namespace = ? AND table_name = ?", CatalogName, id.Namespace, id.Name).Where(ofKind(kind)).Scan(ctx, &location)
	if errors.Is(err, sql.ErrNoRows) {
		return "", &MissingError{kind, id.String()}
	}
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", id, err)
	}
	return location, nil
}

// Locations returns where the metadata of all tables and views lies, by identifier.
func (l *Lake) Locations(ctx context.Context) (map[Identifier]string, error) {
	var rows []struct{ TableNamespace, TableName, Location string }
	err := l.catalog.db.NewSelect().TableExpr("iceberg_tables").Column("table_namespace", "table_name").ColumnExpr("coalesce(metadata_location, '') AS location").
		Where("catalog_name = ?", CatalogName).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	all := make(map[Identifier]string, len(rows))
	for _, r := range rows {
		all[Identifier{r.TableNamespace, r.TableName}] = r.Location
	}
	return all, nil
}

// Metadata returns the metadata file at a location, uncompressed. The bytes are shared: do not change them. It remembers what it read
// from object storage, where a name is used once; a file of this machine is quick to read again.
func (l *Lake) Metadata(ctx context.Context, location string) ([]byte, error) {
	if b, ok := l.store.documents.get(location); ok && !isFile(location) {
		return b, nil
	}
	b, err := l.store.fetch(ctx, location)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &LostError{location}
	}
	if err != nil {
		return nil, err
	}
	if b, err = expand(location, b); err != nil {
		return nil, err
	}
	l.store.documents.set(location, b)
	return b, nil
}

// handOver keeps the metadata of a commit for those who load the table over HTTP, if they did before: a load after each commit of the
// reactor would fetch it from object storage, while the next commit puts its files there.
func (s *Store) handOver(c staged) {
	if c.base == nil {
		return
	}
	if _, asked := s.documents.get(c.base.Location); !asked {
		return
	}
	if b, ok := s.cache.get(c.next.Location); ok && !compressed(c.next.Location) {
		s.documents.set(c.next.Location, b)
	}
	if c.next.Location != c.base.Location {
		s.documents.remove(c.base.Location)
	}
}

// document writes metadata down for its file, and keeps it as Metadata returns it: whoever commits it is answered with it.
func (l *Lake) document(location string, m any) ([]byte, error) {
	whole, err := marshalMetadata("", m)
	if err != nil {
		return nil, err
	}
	l.store.documents.set(location, whole)
	if !compressed(location) {
		return whole, nil
	}
	return marshalMetadata(location, m)
}

// Free fails when a table or view has a name already that something of a kind is to get, or when its namespace is not there.
func (l *Lake) Free(ctx context.Context, kind Kind, id Identifier) error {
	return l.catalog.read(ctx, func(tx bun.Tx) error {
		if err := mustHaveNamespace(ctx, tx, id.Namespace); err != nil {
			return err
		}
		if err := taken(ctx, tx, kind, id); !errors.Is(err, ErrConflict) {
			return err
		}
		return nil
	})
}
