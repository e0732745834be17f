package lake

import (
	"context"

	"github.com/apache/iceberg-go/view"
)

// SQLView is a view as Iceberg knows it: SQL of other engines, under a name of the catalog. (View is the lake at one instant.)
type SQLView struct {
	Location string // of the metadata
	Meta     view.Metadata
}

// SQLView reads a view.
func (l *Lake) SQLView(ctx context.Context, id Identifier) (*SQLView, error) {
	location, err := l.Locate(ctx, KindView, id)
	if err != nil {
		return nil, err
	}
	return l.readSQLView(ctx, location)
}

func (l *Lake) readSQLView(ctx context.Context, location string) (*SQLView, error) {
	b, err := l.Metadata(ctx, location)
	if err != nil {
		return nil, err
	}
	m, err := view.ParseMetadataBytes(b)
	if err != nil {
		return nil, invalid("%s is not the metadata of a view: %v", location, err)
	}
	return &SQLView{location, m}, nil
}

// CreateSQLView makes a view.
func (l *Lake) CreateSQLView(ctx context.Context, id Identifier, m view.Metadata) (*SQLView, error) {
	location, err := l.putSQLView(ctx, m, 0)
	if err != nil {
		return nil, err
	}
	err = l.write(ctx, func(tx *Tx) error { return tx.add(ctx, KindView, id, location) })
	return l.madeSQLView(ctx, location, m, err)
}

// ChangeSQLView gives a view the metadata that change works out, again when another commit came first. A change that returns nil
// leaves the view as it is.
func (l *Lake) ChangeSQLView(ctx context.Context, id Identifier, change func(view.Metadata) (view.Metadata, error)) (*SQLView, error) {
	var changed *SQLView
	err := Retry{}.Do(ctx, func() error {
		now, err := l.SQLView(ctx, id)
		if err != nil {
			return err
		}
		m, err := change(now.Meta)
		if err != nil || m == nil {
			changed = now
			return err
		}
		location, err := l.putSQLView(ctx, m, nextVersion(now.Location))
		if err != nil {
			return err
		}
		err = l.catalog.write(ctx, func(tx *Tx) error { return tx.swap(ctx, KindView, id, now.Location, location) })
		changed, err = l.madeSQLView(ctx, location, m, err)
		return err
	})
	return changed, err
}

func (l *Lake) putSQLView(ctx context.Context, m view.Metadata, version int) (location string, err error) {
	if location, err = newMetadataLocation(m.Location(), m.Properties(), version); err != nil {
		return "", err
	}
	b, err := marshalMetadata(location, m)
	if err != nil {
		return "", err
	}
	return location, l.store.put(ctx, location, b)
}

// madeSQLView returns what was committed, or removes its metadata after a commit that certainly did not happen.
func (l *Lake) madeSQLView(ctx context.Context, location string, m view.Metadata, err error) (*SQLView, error) {
	if err == nil {
		return &SQLView{location, m}, nil
	}
	return nil, l.discard(ctx, location, err)
}
