//go:build interop

package interop_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"millrace/tests/harness"
	"millrace/tests/postgres"
)

// Clients of the database and of the REST catalog write to one table at the same time, and the reactor to its own beside them. All meet in one
// compare-and-swap: each row that a client was told of is there once.
func TestDatabaseAndRESTMeetOnOneTable(t *testing.T) {
	l := begin(t)
	const each = 8
	byREST := pyiceberg.open(t, l.Lake, "owner", "pyiceberg")
	byFile := pyiceberg.open(t, l.Lake, "owner", "pyiceberg-sql")
	spark := spark35.open(t, l.Lake, "owner", "spark-jdbc")
	spark.sql(t, "create namespace lakehouse.shared")
	spark.sql(t, `create table lakehouse.shared.t (id string, n bigint) tblproperties ('commit.retry.num-retries' = '40', 'commit.retry.min-wait-ms' = '20', 'commit.retry.max-wait-ms' = '1000')`)
	writers := map[string]*session{"rest": byREST, "file": byFile, "spark": spark}
	failed := make(chan error, len(writers))
	var group sync.WaitGroup
	for name, s := range writers {
		group.Go(func() {
			for i := range each {
				if _, err := s.try("append", with{"table": "shared.t", "row": map[string]any{"id": name, "n": fmt.Sprint(i)}}); err != nil {
					failed <- fmt.Errorf("%s, row %d: %w\n%s", name, i, err, s.tail())
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	want := ""
	for _, name := range []string{"file", "rest", "spark"} {
		want += fmt.Sprintf("%s,%d,%d\n", name, each, each)
	}
	if got := l.CSV(t, "select id, count(*)::integer as rows, count(distinct n)::integer as different from shared.t group by 1 order by 1"); got != "id,rows,different\n"+want {
		t.Errorf("the table has\n%s, want\n%s", got, want)
	}
	for name, s := range writers {
		if rows := len(s.read(t, "shared.t", nil).Rows); rows != each*len(writers) {
			t.Errorf("%s reads %d rows of %d", name, rows, each*len(writers))
		}
	}
	// A table that an engine makes elsewhere by the database is read by REST. A commit to it is refused with the reason.
	spark.sql(t, "create table lakehouse.shared.elsewhere (id string, n bigint) location 's3://lakehouse/elsewhere/t'")
	spark.do(t, "append", with{"table": "shared.elsewhere", "row": map[string]any{"id": "spark", "n": "1"}})
	if rows := len(byREST.read(t, "shared.elsewhere", nil).Rows); rows != 1 {
		t.Errorf("REST reads %d rows of a table elsewhere, want 1", rows)
	}
	if _, err := byREST.try("append", with{"table": "shared.elsewhere", "row": map[string]any{"id": "rest", "n": "1"}}); err == nil || !strings.Contains(err.Error(), "ForbiddenError") || !strings.Contains(err.Error(), "below tables/") {
		t.Errorf("a commit by REST to a table elsewhere: %v", err)
	}
	l.goesOn(t)
	l.check(t, false)
}

// With the catalog in PostgreSQL the engines do the same: by the REST catalog all that they can, and by the database beside it.
func TestEnginesOnPostgreSQL(t *testing.T) {
	l := begin(t, harness.WithEnv("MILLRACE_CATALOG="+postgres.New(t).Database(t)))
	tables, broom := l.pin(t), pyiceberg.open(t, l.Lake, "owner", "pyiceberg")
	for _, e := range all {
		if slices.Contains([]string{pyiceberg.name, spark41.name, "DuckDB 1.5.5"}, e.name) {
			t.Run(e.name, func(t *testing.T) { e.work(t, l, broom, tables, seen{}) })
		}
	}
	t.Run("by the database", func(t *testing.T) {
		byDatabase := rested{engine: pyiceberg, block: "pyiceberg-sql"}
		s := byDatabase.open(t, l.Lake, "owner", byDatabase.block)
		byDatabase.readAll(t, s, tables, seen{})
		row := origin(map[string]any{"asset_id": "by-database", "observed_at": "2025-08-21T12:00:00Z", "price_usd": "3"})
		s.write(t, "append", with{"table": "silver.asset_snapshots", "row": row})
		l.hasClose(t, "by-database", "3.0000000000000000000000000000")
		s.write(t, "delete", with{"table": "silver.asset_snapshots", "column": "asset_id", "value": "by-database"})
		l.hasClose(t, "by-database", "")
		l.goesOn(t)
		l.check(t, false)
	})
}

// The analyst's token and keys read, and no more.
func TestAnAnalystsBlockReadsAndDoesNotWrite(t *testing.T) {
	l := begin(t)
	l.quiet()
	for _, e := range []rested{{engine: pyiceberg, block: "pyiceberg"}, {engine: engine{"DuckDB", "duck", ""}, block: "duckdb"}} {
		s := e.open(t, l.Lake, "analyst", e.block)
		s.sameRows(t, l, "silver.asset_snapshots", "gold.rankings")
		row := origin(map[string]any{"asset_id": "analyst", "observed_at": "2025-08-21T12:00:00Z", "price_usd": "1"})
		for call, arguments := range map[string]with{
			"append":     {"table": "silver.asset_snapshots", "row": row},
			"add_column": {"table": "gold.rankings", "column": "mine"},
		} {
			if _, err := s.try(call, arguments); err == nil {
				t.Errorf("%s: an analyst may %s", e.name, call)
			} else {
				t.Logf("%s: %s: %.300v", e.name, call, err)
			}
		}
	}
	l.check(t, false)
}
