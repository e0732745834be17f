//go:build interop

package interop_test

import (
	"slices"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// change is something that an engine does to a table and that must not cost a row.
type change struct {
	name       string
	statements []string // Spark's
	// keeps, when set, is a column that must be in a table afterwards, for good.
	keeps, in string
	// alone: nothing arrives meanwhile. Each commit of gold replaces manifests, and Spark gives up when one that it rewrites is gone.
	alone bool
}

// schemaChanges are what people do to tables that they take for theirs.
func schemaChanges() []change {
	return []change{
		{name: "a column added to gold", statements: []string{"alter table lakehouse.gold.rankings add column remark string"}, keeps: "remark", in: "gold.rankings"},
		{name: "a column of gold moved to the front", statements: []string{"alter table lakehouse.gold.rankings alter column rank first"}},
		{name: "a key of gold may be null", statements: []string{"alter table lakehouse.gold.daily_summary alter column asset_id drop not null"}},
		{name: "a column added to the table that others are computed from", statements: []string{"alter table lakehouse.gold.daily_summary add column checked boolean"}, keeps: "checked", in: "gold.daily_summary"},
		{name: "a column added to silver, and filled", statements: []string{"alter table lakehouse.silver.asset_snapshots add column note string",
			"update lakehouse.silver.asset_snapshots set note = 'mine' where observed_at >= timestamp '2025-09-01'"}, keeps: "note", in: "silver.asset_snapshots"},
		{name: "a column added to silver in the middle", statements: []string{"alter table lakehouse.silver.asset_prices add column note array<struct<a: int, b: map<string, double>>> after asset_id"},
			keeps: "note", in: "silver.asset_prices"},
		{name: "a wider type", statements: []string{"alter table lakehouse.silver.asset_snapshots alter column rank type bigint"}},
		{name: "a comment on a column", statements: []string{"alter table lakehouse.gold.rankings alter column rank comment 'mine'"}},
		{name: "another partition field", statements: []string{"alter table lakehouse.silver.asset_prices add partition field bucket(4, asset_id)"}},
		{name: "an order of writing", statements: []string{"alter table lakehouse.silver.asset_snapshots write ordered by asset_id"}},
		{name: "a table in another namespace", statements: []string{"create namespace lakehouse.analytics", "create table lakehouse.analytics.t as select * from lakehouse.gold.rankings"}},
		{name: "a table of one's own beside ours", statements: []string{"create table lakehouse.gold.mine as select asset_id, day, close from lakehouse.gold.daily_summary"}},
		{name: "small files rewritten", statements: []string{"call lakehouse.system.rewrite_data_files(table => 'silver.asset_snapshots', options => map('rewrite-all', 'true'), where => 'observed_at >= timestamp \"2025-09-01\"')",
			"call lakehouse.system.rewrite_manifests('silver.asset_prices')"}},
		{name: "manifests of gold rewritten", statements: []string{"call lakehouse.system.rewrite_manifests('gold.daily_summary')"}, alone: true},
		{name: "snapshots expired", statements: []string{"call lakehouse.system.expire_snapshots(table => 'silver.asset_snapshots', older_than => timestamp '2100-01-01', retain_last => 1)",
			"call lakehouse.system.expire_snapshots(table => 'gold.rankings', older_than => timestamp '2100-01-01', retain_last => 1)"}},
		{name: "a branch and a tag", statements: []string{"alter table lakehouse.gold.rankings create branch mine", "alter table lakehouse.silver.asset_prices create tag mine"}},
	}
}

// Issues: a schema change of gold deleted all other days, one of silver stopped the dataset, a table elsewhere stopped everything.
func TestNoChangeOfSparksCostsARow(t *testing.T) {
	l := begin(t)
	spark := spark41.open(t, l.Lake, "owner", "spark-jdbc")
	spark.sameRows(t, l, harness.Tables...)
	for _, c := range schemaChanges() {
		t.Run(c.name, func(t *testing.T) {
			before := l.sizes(t)
			if c.alone {
				l.load.Stop()
			}
			for _, statement := range c.statements {
				spark.sql(t, statement)
			}
			if c.alone {
				l.load = l.StartLoad(t, 1, 8)
			}
			l.goesOn(t)
			for table, n := range l.sizes(t) {
				if n < before[table] {
					t.Errorf("%s has %d rows after it had %d", table, n, before[table])
				}
			}
			l.check(t, false)
			if c.keeps != "" && !slices.Contains(l.columns(t, c.in), c.keeps) {
				t.Errorf("%s has lost the column %s: %v", c.in, c.keeps, l.columns(t, c.in))
			}
			if t.Failed() {
				t.Log(spark.tail())
			}
		})
	}
	spark.sameRows(t, l, harness.Tables...)
	t.Run("after a restart", func(t *testing.T) {
		l.quiet()
		l.Stop(t)
		l.Restart(t)
		l.goesOn(t)
		l.check(t, false)
		for _, c := range schemaChanges() {
			if c.keeps != "" && !slices.Contains(l.columns(t, c.in), c.keeps) {
				t.Errorf("%s has lost the column %s: %v", c.in, c.keeps, l.columns(t, c.in))
			}
		}
		if plan := l.Reactor(t, "plan", "--output", "csv"); strings.Count(plan, "\n") > 1 {
			t.Errorf("a start would change something:\n%s", plan)
		}
	})
}
