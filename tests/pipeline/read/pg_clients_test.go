//go:build pgwire

package read_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Real programs ask more of PostgreSQL's catalog than their users see. They are not installed everywhere; `go tool task
// test:pgwire` gets them.
func TestRealClientsOfPostgreSQLFindTheirWay(t *testing.T) {
	_, at := served(t)
	for command, shows := range map[string][]string{
		`\d`:                         {"rankings", "asset_prices", "(7 rows)"},
		`\dt`:                        {"gold", "silver", "(7 rows)"},
		`\dt gold.*`:                 {"daily_summary", "(4 rows)"},
		`\d gold.rankings`:           {`Table "gold.rankings"`, "dominance_pct", "double precision", "numeric(38,18)"},
		`\d+ silver.asset_snapshots`: {"tokens", "json", "numeric(38,28)", "timestamp with time zone"},
		`\dn`:                        {"gold", "(2 rows)"},
		`\l`:                         {"lakehouse"},
		`\du`:                        {"millrace"},
		"select count(*) from gold.rankings; select 'it''s' as a":   {"60", "it's"},
		"select close from gold.daily_summary where asset_id = 'x'": {"(0 rows)"},
		"select null as a, 1.50::decimal(38,28) as b":               {"1.5"},
		"begin; select 1; commit":                                   {"BEGIN", "COMMIT"},
		"show server_version":                                       {"15.0"},
	} {
		out, err := exec.Command("psql", "--no-psqlrc", at("analyst", ""), "--command", command).CombinedOutput()
		for _, text := range shows {
			if err != nil || !strings.Contains(string(out), text) {
				t.Errorf("psql %s: %v, want %q in\n%s", command, err, text, out)
			}
		}
	}
	python := os.Getenv("MILLRACE_PGWIRE_PYTHON")
	if python == "" {
		t.Fatal("MILLRACE_PGWIRE_PYTHON has to name a Python with testdata/clients.txt installed: run `go tool task test:pgwire`")
	}
	for _, driver := range []string{"psycopg", "psycopg2"} {
		address := strings.Replace(at("analyst", ""), "postgres://", "postgresql+"+driver+"://", 1)
		if out, err := exec.Command(python, "testdata/clients.py", address).CombinedOutput(); err != nil {
			t.Errorf("SQLAlchemy with %s: %v\n%s", driver, err, out)
		}
	}
}
