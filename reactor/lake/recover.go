package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"millrace/reactor/namespace"

	"github.com/minio/minio-go/v7"
	"github.com/uptrace/bun"
)

// ErrCatalogReplaced says that the catalog's file is not the one that was opened: nobody would see a commit.
var ErrCatalogReplaced = errors.New("the catalog's file was deleted or replaced while it was in use")

// Replaced fails if the catalog's file is not the one that was opened any more. A database server has no such file.
func (l *Lake) Replaced() error {
	file := l.catalog.file
	if file == nil {
		return nil
	}
	now, err := os.Stat(file.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, file.opened) {
		return fmt.Errorf("%w: %s", ErrCatalogReplaced, file.path)
	}
	return nil // that the file cannot be looked at says nothing about it
}

// Missing returns those of the tables that the catalog does not name: somebody has dropped or renamed them.
func (l *Lake) Missing(ctx context.Context, names ...string) ([]string, error) {
	there := map[string]bool{}
	err := l.catalog.read(ctx, func(tx bun.Tx) error {
		all, err := pointers(ctx, tx)
		for _, p := range all {
			there[p.Name] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return there[name] }), nil
}

// Recovered says what Recover takes out of the catalog, and why.
type Recovered struct {
	// Tables are taken out, and the start that follows makes them anew. It is empty if all is well.
	Tables []string
	// Whole tells that all tables and the ledger are taken out, because the catalog is older than the lake.
	Whole   bool
	Because string
}

// Recover takes out of the catalog what Foresee found, before the tables are created.
func (l *Lake) Recover(ctx context.Context, r Recovered) error {
	switch {
	case len(r.Tables) == 0:
		return nil
	case r.Whole:
		return l.catalog.write(ctx, func(tx *Tx) error { return tx.forget(ctx, r.Tables) })
	}
	return l.Forget(ctx, r.Tables, nil, slices.Contains(r.Tables, rejectedTable))
}

// rejectedTable has the refused rows of every object. If it is made anew, all objects are promoted again.
var rejectedTable = namespace.Silver.Table(namespace.Rejected)

// Foresee compares the catalog with object storage, and changes nothing.
//
// If the catalog is older than the files of its tables, because it was deleted or restored from an earlier copy, the tables and
// the whole ledger have to leave it. The reconciler then brings everything back from bronze. The old pointers would do as long
// as all files that they name are there. But upkeep removes what no newer snapshot names, and the lake would find that out in the
// middle of a query.
//
// If a table is missing beside others that are as they were, somebody dropped or renamed it. That table alone is made anew, and no
// other one loses a snapshot or a tag.
func (l *Lake) Foresee(ctx context.Context, tables ...string) (Recovered, error) {
	var older, missing, why []string
	there := 0
	for _, name := range tables {
		// Files before pointers: a commit between the two makes the pointer the newer one, which is no reason to recover.
		highest, err := l.highestVersion(ctx, name)
		if err != nil {
			return Recovered{}, err
		}
		at, ok, err := l.Version(ctx, name)
		switch {
		case err != nil:
			return Recovered{}, err
		case ok && highest < 0:
			return Recovered{}, fmt.Errorf("the catalog names metadata %d of %s, but %s has no file of that table: is it the right bucket, and is its disk there? "+
				"To begin anew with what is in bronze, delete the catalog", at, name, l.root)
		case !ok && highest > 0: // version 0 alone is of a creation that broke off
			missing = append(missing, name)
			why = append(why, fmt.Sprintf("%s has metadata %d, the catalog does not know the table", name, highest))
		case ok && highest > at+1: // one ahead is of a commit that lost or broke off
			older = append(older, name)
			why = append(why, fmt.Sprintf("%s has metadata %d, the catalog names %d", name, highest, at))
		case ok && highest < at:
			older = append(older, name)
			why = append(why, fmt.Sprintf("%s has lost metadata %d, which the catalog names", name, at))
		case ok:
			there++
		}
	}
	empty, err := l.EmptyLedger(ctx)
	if err != nil || len(older)+len(missing) == 0 {
		return Recovered{}, err
	}
	r := Recovered{Tables: missing, Because: strings.Join(why, "; ")}
	if len(older) > 0 || there == 0 || empty {
		r.Tables, r.Whole = tables, true
	}
	return r, nil
}

// metadataName matches metadata files. The manifests beside them begin with letters or with a longer number.
var metadataName = regexp.MustCompile(`^[0-9]{5}-.*\.metadata\.json$`)

// highestVersion finds the greatest version among a table's metadata files, -1 if there are none.
func (l *Lake) highestVersion(ctx context.Context, name string) (int, error) {
	_, highest, err := l.newestMetadata(ctx, name)
	return highest, err
}

// Former gives a table as its newest metadata in object storage has it, whatever the catalog says; nil when there is none.
func (l *Lake) Former(ctx context.Context, name string) (*Table, error) {
	key, _, err := l.newestMetadata(ctx, name)
	if err != nil || key == "" {
		return nil, err
	}
	location := l.root + "/" + key
	b, err := l.store.read(ctx, location)
	if err != nil {
		return nil, fmt.Errorf("read the former metadata of %s: %w", name, err)
	}
	m, err := parseMetadata(location, b)
	if err != nil {
		return nil, fmt.Errorf("read the former metadata of %s: %w", name, err)
	}
	return &Table{Name: name, Location: location, Meta: m, store: l.store}, nil
}

// newestMetadata finds the metadata file of the greatest version of a table; the version is -1 when there is none.
func (l *Lake) newestMetadata(ctx context.Context, name string) (newest string, highest int, err error) {
	id, err := parseName(name)
	if err != nil {
		return "", 0, err
	}
	prefix := id.folder() + "/metadata/"
	highest = -1
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range l.store.client.ListObjectsIter(ctx, strings.TrimPrefix(l.root, "s3://"), minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return "", 0, fmt.Errorf("list the metadata of %s: %w", name, o.Err)
		}
		if !metadataName.MatchString(strings.TrimPrefix(o.Key, prefix)) {
			continue
		}
		n, err := MetadataVersion(o.Key)
		if err != nil {
			return "", 0, err
		}
		if n >= highest {
			newest, highest = o.Key, n
		}
	}
	return newest, highest, nil
}

// forget takes tables, ledger, runs, pins, audits and branches out of the catalog.
func (t *Tx) forget(ctx context.Context, tables []string) error {
	for _, name := range tables {
		if err := t.unregister(ctx, name); err != nil {
			return err
		}
	}
	return t.empty(ctx, "millrace_ledger", "millrace_runs", "millrace_pins", "millrace_audits", "millrace_branches", "millrace_staged")
}

// empty deletes all rows of millrace's own tables.
func (t *Tx) empty(ctx context.Context, tables ...string) error {
	for _, name := range tables {
		if _, err := t.tx.ExecContext(ctx, "DELETE FROM ?", bun.Ident(name)); err != nil {
			return fmt.Errorf("empty %s: %w", name, err)
		}
	}
	return nil
}
