//go:build postgres

package rest_test

import (
	"database/sql"
	"testing"

	"millrace/tests/harness"

	"millrace/tests/postgres"
)

// TestMain lets all tests of the package share one server.
func TestMain(m *testing.M) { postgres.Main(m, databases) }

// A client that is told of an unknown outcome keeps its files; so does the server.
func TestACommitOfUnknownOutcomeSaysSo(t *testing.T) {
	address := databases["PostgreSQL"](t)
	c := newCatalog(t, harness.Start(t, harness.WithoutReactor()), address)
	c.makeTable("unknown", "t")
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	do := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	// The database fails when it is asked to commit, and not before.
	do(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$`)
	do(`CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON iceberg_tables DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`)
	const path = "/v1/namespaces/unknown/tables/t"
	c.refused("a commit that the database does not confirm", c.call("POST", path, set("k", "v", "")), 500, "CommitStateUnknownException")
	if left := c.keys("tables/unknown/t/metadata/"); len(left) != 2 {
		t.Errorf("the metadata is %v: that of the commit may be in use", left)
	}
	do(`DROP TRIGGER fail ON iceberg_tables`)
	c.must("POST", path, set("k", "v", ""))
	if got := c.load("unknown", "t").Metadata.Properties["k"]; got != "v" {
		t.Errorf("after that, k is %q", got)
	}
}
