package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go/table"
)

// Register takes a table into the catalog whose metadata lies at location. With overwrite, a table of the name becomes that one.
func (l *Lake) Register(ctx context.Context, id Identifier, location string, overwrite bool) (*Table, error) {
	b, err := l.Metadata(ctx, location)
	if err != nil {
		return nil, err
	}
	m, err := table.ParseMetadataBytes(b)
	if err != nil {
		return nil, invalid("%s is not the metadata of a table: %v", location, err)
	}
	t := &Table{Name: id.String(), Location: location, Meta: m, store: l.store}
	err = Retry{}.Do(ctx, func() error {
		if overwrite {
			now, err := l.Locate(ctx, KindTable, id)
			var missing *MissingError
			if err == nil {
				return l.catalog.write(ctx, func(tx *Tx) error { return tx.swap(ctx, KindTable, id, now, location) })
			}
			if !errors.As(err, &missing) {
				return err
			}
		}
		return l.catalog.write(ctx, func(tx *Tx) error { return tx.add(ctx, KindTable, id, location) })
	})
	return t, err
}

// RegisterSQLView takes a view into the catalog whose metadata lies at location.
func (l *Lake) RegisterSQLView(ctx context.Context, id Identifier, location string) (*SQLView, error) {
	v, err := l.readSQLView(ctx, location)
	if err != nil {
		return nil, err
	}
	return v, l.write(ctx, func(tx *Tx) error { return tx.add(ctx, KindView, id, location) })
}

// CreateTable makes an empty table of metadata that was worked out for it.
func (l *Lake) CreateTable(ctx context.Context, id Identifier, m table.Metadata) (*Table, error) {
	location, err := metadataLocation(m, 0)
	if err != nil {
		return nil, err
	}
	b, err := l.document(location, m)
	if err != nil {
		return nil, err
	}
	if err := l.store.put(ctx, location, b); err != nil {
		return nil, fmt.Errorf("make table %s: %w", id, err)
	}
	if err := l.write(ctx, func(tx *Tx) error { return tx.add(ctx, KindTable, id, location) }); err != nil {
		return nil, l.discard(ctx, location, err)
	}
	return &Table{Name: id.String(), Location: location, Meta: m, store: l.store}, nil
}

// discard removes metadata after a commit that certainly did not happen, and returns why it did not.
func (l *Lake) discard(ctx context.Context, location string, why error) error {
	var unknown *UnknownError
	if errors.As(why, &unknown) {
		return why
	}
	if err := l.store.remove(context.WithoutCancel(ctx), location); err != nil {
		why = errors.Join(why, fmt.Errorf("remove the metadata of the failed commit: %w", err))
	}
	return why
}
