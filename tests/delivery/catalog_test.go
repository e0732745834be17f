package delivery_test

import (
	"context"
	"testing"

	"millrace/tests/harness/catalog"
)

// The catalog may be away, locked or garbage while a fault lasts: a question to it may fail, and is asked again.

// ledger counts the entries of each object version.
func (l *lab) ledger(t testing.TB) (map[string]int, error) {
	return catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).Settled)
}

// goldBehind counts the silver tables that have entries in the ledger that gold does not cover yet.
func (l *lab) goldBehind(t testing.TB) (int, error) {
	return catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).GoldBehind)
}

// recorded counts the ledger's entries; 0 while it cannot be read.
func (l *lab) recorded(t testing.TB) int {
	n, err := catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).Entries)
	if err != nil {
		return 0
	}
	return n
}

// unknown returns the objects that the ledger does not know. When it cannot be read, those that were not asked for count as unknown.
func (l *lab) unknown(t testing.TB, objects []string) []string {
	left, err := catalog.Look(t.Context(), l.Catalog(), func(c *catalog.Catalog, ctx context.Context) ([]string, error) { return c.Unknown(ctx, objects) })
	if err != nil && left == nil {
		return objects
	}
	return left
}

// lockCatalog takes SQLite's write lock, as another program may.
func (l *lab) lockCatalog(t testing.TB) (unlock func()) {
	t.Helper()
	release, err := catalog.Lock(t.Context(), l.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	}
}

// copyCatalog makes a copy as a backup does, and returns its file.
func (l *lab) copyCatalog(t testing.TB) string {
	t.Helper()
	file := l.Catalog() + ".copy"
	if err := catalog.Copy(t.Context(), l.Catalog(), file); err != nil {
		t.Fatal(err)
	}
	return file
}

// restoreCatalog puts a copy in the catalog's place, as a user would.
func (l *lab) restoreCatalog(t testing.TB, copied string) {
	t.Helper()
	if err := catalog.Replace(l.Catalog(), copied); err != nil {
		t.Fatal(err)
	}
}
