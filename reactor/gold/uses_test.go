package gold

import (
	"slices"
	"strings"
	"testing"
)

func TestTheEmbeddedModelsUseSomeColumnsOfSilver(t *testing.T) {
	s := loaded(t)
	for table, want := range map[string]string{
		"silver.asset_prices":    "asset_id interval observed_at price_usd source_key",
		"silver.asset_snapshots": "asset_id market_cap_usd observed_at price_usd source_key volume_usd_24h",
	} {
		if got := slices.Sorted(slices.Values(s.Uses[table])); strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", table, got, want)
		}
	}
}

// What a statement may read without naming it counts as used.
func TestColumnsThatNobodyNamesMayBeUsed(t *testing.T) {
	const day = "cast(make_timestamp(epoch_us(observed_at)) as date) as day"
	for _, c := range []struct {
		sql string
		all bool
	}{
		{"select asset_id, " + day + ", max(rank) as r from silver.asset_snapshots group by all", false},
		{"select asset_id, " + day + ", count(*) as r from silver.asset_snapshots group by all", false},
		{"select asset_id, day, count(*) as r from (select *, " + day + " from silver.asset_snapshots) group by all", true},
		{"with a as (from silver.asset_snapshots) select asset_id, " + day + ", count(*) as r from a group by all", true},
		{"select asset_id, " + day + ", count(*) as r from (select a.* exclude (symbol) from silver.asset_snapshots as a) group by all", true},
		{"select asset_id, " + day + ", max(hash(s)::varchar) as r from silver.asset_snapshots as s group by all", true},
		{"select asset_id, " + day + ", max(hash(asset_snapshots)::varchar) as r from silver.asset_snapshots group by all", true},
		{"select asset_id, " + day + ", count(*) as r from (select asset_id, observed_at, rank from silver.asset_snapshots) natural join (select asset_id, rank from silver.asset_snapshots) group by all", true},
		{"select asset_id, day, r from (select asset_id, " + day + ", max(columns('rank|market')) as r from silver.asset_snapshots group by all)", true},
	} {
		s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"mine.sql": head + c.sql + "\n"}))
		if err != nil {
			t.Fatal(err)
		}
		in := s.Inputs[slices.IndexFunc(s.Inputs, func(in Input) bool { return in.Name == "silver.asset_snapshots" })]
		if got := len(s.Uses[in.Name]) == len(in.Columns); got != c.all {
			t.Errorf("%s: it uses %v, all: %t", c.sql, s.Uses[in.Name], c.all)
		}
	}
}
