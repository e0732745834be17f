package lake

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/uptrace/bun"
)

// Purge drops a table and removes its files: those that its metadata names and that lie in the table's own folder. Where another
// table or view lies in that folder too, or the table's property gc.enabled is false, the files stay. It returns how many it removed.
//
// The table leaves the catalog first, so that nobody reads a table whose files are going. If the program ends in between, files
// stay that no table names.
func (l *Lake) Purge(ctx context.Context, id Identifier) (removed int, err error) {
	var orphans []Orphan
	err = Retry{}.Do(ctx, func() error {
		location, err := l.Locate(ctx, KindTable, id)
		if err != nil {
			return err
		}
		if orphans, err = l.purgeable(ctx, id, location); err != nil {
			return err
		}
		return l.catalog.write(ctx, func(tx *Tx) error { return tx.dropAt(ctx, id, location) })
	})
	if err != nil {
		return 0, err
	}
	return l.removeFiles(context.WithoutCancel(ctx), orphans)
}

// dropAt takes a table out of the catalog if its metadata still lies at a location.
func (t *Tx) dropAt(ctx context.Context, id Identifier, location string) error {
	n, err := affected(t.tx.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ? AND ?`,
		CatalogName, id.Namespace, id.Name, location, bun.Safe(ofKind(KindTable))))
	if err == nil && n == 0 {
		err = ErrConflict
	}
	return err
}

// purgeable lists the files that go with a table.
func (l *Lake) purgeable(ctx context.Context, id Identifier, location string) ([]Orphan, error) {
	t, err := l.base(ctx, id, location)
	var lost *LostError
	if errors.As(err, &lost) {
		return nil, nil // there is nothing to say which files it had
	}
	if err != nil {
		return nil, err
	}
	shared, err := l.Shared(ctx, id, t.Meta.Location())
	if err != nil || shared || !t.Meta.Properties().GetBool("gc.enabled", true) {
		return nil, err
	}
	paths, err := l.reachable(ctx, t)
	if err != nil {
		return nil, err
	}
	var orphans []Orphan
	for p := range paths {
		if below(p, t.Meta.Location()) {
			orphans = append(orphans, Orphan{Path: p})
		}
	}
	return orphans, nil
}

// Shared tells whether another table or view lies in a table's folder, or the table in the folder of another.
func (l *Lake) Shared(ctx context.Context, id Identifier, folder string) (bool, error) {
	all, err := l.Locations(ctx)
	if err != nil {
		return false, err
	}
	for other, location := range all {
		if home := Home(location); other != id && (below(home, folder) || below(folder, home)) {
			return true, nil
		}
	}
	return false, nil
}

// Home is the folder in which a table or view lies whose metadata lies at location.
func Home(location string) string {
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return path.Dir(path.Dir(location))
	}
	return scheme + "://" + path.Dir(path.Dir(rest))
}

// below tells whether an address is a folder or lies in it.
func below(address, folder string) bool {
	normal := func(a string) string { return strings.TrimRight(strings.Replace(a, "s3a://", "s3://", 1), "/") + "/" }
	return strings.HasPrefix(normal(address), normal(folder)) && !strings.Contains(normal(address), "/../")
}

// removeFiles removes what a table had.
func (l *Lake) removeFiles(ctx context.Context, files []Orphan) (removed int, err error) {
	var objects []Orphan
	for _, f := range files {
		if !isFile(f.Path) {
			objects = append(objects, f)
			continue
		}
		if err := l.store.folder.remove(f.Path); err != nil {
			return removed, err
		}
		removed++
	}
	n, err := l.RemoveOrphans(ctx, objects)
	return removed + n, err
}
