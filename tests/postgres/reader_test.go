//go:build postgres

package postgres_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"millrace/tests/harness"
	"millrace/tests/postgres"
)

// An analyst has S3's role for reading, and a role of the database that may select.
func TestAnAnalystWithTheRightToSelectReadsALakeInPostgreSQL(t *testing.T) {
	server := postgres.New(t)
	address := server.Database(t)
	s := harness.Start(t, harness.WithEnv("MILLRACE_CATALOG="+address))
	s.Ingest(t, "history", "--from", "2026-01-01", "--to", "2026-01-31", "--assets", "bitcoin,ethereum")
	if n := s.Count(t, "select count(*) as n from gold.daily_summary"); n != 62 {
		t.Fatalf("gold has %d days of two assets, want 62", n)
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `CREATE ROLE analyst LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) harness.Result {
		t.Helper()
		env := append(s.Env(t, "analyst"), "MILLRACE_CATALOG="+strings.Replace(address, "owner@", "analyst@", 1))
		return harness.RunProgram(t, env, "reactor", args...)
	}
	for _, args := range [][]string{
		{"query", "--output", "csv", "select count(*) as n from gold.daily_summary"},
		{"query", "--output", "csv", "--as-of", "2020-01-01", "select 62 + count(*) as n from gold.daily_summary"},
	} {
		if r := run(args...); r.Code != 0 || r.Stdout != "n\n62\n" {
			t.Errorf("reactor %v: %s", args, r)
		}
	}
	for _, args := range [][]string{{"tables"}, {"snapshots", "gold.rankings"}, {"changes", "gold.rankings", "--from", "0"}, {"trace", "gold.rankings", "bitcoin", "2026-01-31"}} {
		if r := run(args...); r.Code != 0 {
			t.Errorf("reactor %v: %s", args, r)
		}
	}
	if r := run("tag", "gold.rankings", "mine"); r.Code != 1 || !strings.Contains(r.Stderr, "Access Denied") {
		t.Errorf("an analyst tags: %s", r)
	}
}
