package recover_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

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
	drop := func(table string) error { return catalog.DropTable(t.Context(), s.Catalog(), table) }
	for _, c := range []struct {
		name string
		gone func(table string) error
	}{
		{"gold.rankings", drop},
		{"gold.market_summary", func(table string) error {
			return catalog.RenameTable(t.Context(), s.Catalog(), table, "market_before")
		}},
		{"silver.asset_snapshots", drop},
	} {
		before := harness.Rows[snapshot](t, s, "snapshots", "gold.daily_summary")
		r.Stop(t)
		if err := c.gone(c.name); err != nil {
			t.Fatal(err)
		}
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
	if err := catalog.AddTable(t.Context(), s.Catalog(), "analytics.t", "s3://"+s.Bucket()+"/analytics/t/metadata/00000-x.metadata.json"); err != nil {
		t.Fatal(err)
	}
	s.PutAndWait(t, coin.AssetsKey("x.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.CheckEqual(t)
	if n := s.Count(t, "select count(*) as n from gold.rankings"); n != 1 {
		t.Errorf("%d rows in gold, want 1", n)
	}
}
