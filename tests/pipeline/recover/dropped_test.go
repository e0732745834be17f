package recover_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// onCatalog runs a statement on the catalog, as another engine's DROP TABLE, RENAME or CREATE TABLE would.
func onCatalog(t *testing.T, s *harness.Stack, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+s.Catalog()+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // of a test
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

type snapshot struct {
	Snapshot int64
	Refs     string
}

func TestADroppedTableIsMadeAnewAndNoOtherIsTouched(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	for i := range 3 {
		s.PutAndWait(t, coin.AssetsKey(fmt.Sprintf("%d.json", i)), coin.Assets(coin.Day(time.June, 1+i), coin.Asset("bitcoin", "1", "1")), nil)
	}
	s.Reactor(t, "tag", "gold.daily_summary", "kept")
	for _, c := range []struct{ name, statement string }{
		{"gold.rankings", `DELETE FROM iceberg_tables WHERE table_namespace = 'gold' AND table_name = 'rankings'`},
		{"gold.market_summary", `UPDATE iceberg_tables SET table_name = 'market_before' WHERE table_namespace = 'gold' AND table_name = 'market_summary'`},
		{"silver.asset_snapshots", `DELETE FROM iceberg_tables WHERE table_namespace = 'silver' AND table_name = 'asset_snapshots'`},
	} {
		before := harness.Rows[snapshot](t, s, "snapshots", "gold.daily_summary")
		r.Stop(t)
		onCatalog(t, s, c.statement)
		plan := harness.Rows[struct{ Action, Table string }](t, s, "plan")
		if !slices.ContainsFunc(plan, func(a struct{ Action, Table string }) bool { return a.Action == "make anew" && a.Table == c.name }) {
			t.Errorf("%s is gone: the plan does not foretell that it is made anew: %v", c.name, plan)
		}
		r = s.StartReactor(t)
		s.AwaitLedger(t, 3) // what brings the rows of a table of silver again
		s.CheckEqual(t)
		after := harness.Rows[snapshot](t, s, "snapshots", "gold.daily_summary")
		for _, b := range before {
			if !slices.Contains(after, b) && b.Refs != "main" {
				t.Errorf("%s was dropped, and gold.daily_summary lost snapshot %d (%s)", c.name, b.Snapshot, b.Refs)
			}
		}
	}
	if n := s.Count(t, "select count(*) as n from gold.market_before"); n == 0 {
		t.Error("the table that was renamed has no rows")
	}
}

// Another engine makes tables in namespaces of its own, where the reactor's key may not read.
func TestATableInAnotherNamespaceIsLeftAlone(t *testing.T) {
	s := harness.Start(t)
	onCatalog(t, s, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES ('lakehouse', 'analytics', 't', 'TABLE', ?)`, "s3://"+s.Bucket()+"/analytics/t/metadata/00000-x.metadata.json")
	s.PutAndWait(t, coin.AssetsKey("x.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.CheckEqual(t)
	if n := s.Count(t, "select count(*) as n from gold.rankings"); n != 1 {
		t.Errorf("%d rows in gold, want 1", n)
	}
}
