package lake

import "testing"

// databases are those that tests of the catalog run on: each makes an empty one and gives its address. With the tag postgres
// PostgreSQL is among them.
var databases = map[string]func(testing.TB) string{
	"SQLite": func(t testing.TB) string { return "sqlite://" + t.TempDir() + "/catalog.db" },
}

// Databases is for the tests outside the package.
var Databases = databases

// eachDatabase runs a test with an empty database of each kind.
func eachDatabase(t *testing.T, test func(t *testing.T, address string)) {
	for name, empty := range databases {
		t.Run(name, func(t *testing.T) { test(t, empty(t)) })
	}
}

// opened is a catalog that is closed with the test.
func opened(t *testing.T, address string) *catalog {
	t.Helper()
	c, err := openCatalog(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
