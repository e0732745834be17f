//go:build postgres

package postgres_test

import (
	"database/sql"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
	"millrace/tests/postgres"
)

// The script of the composition makes a user for Airflow's tasks who reads the catalog, whatever tables come later, and no more.
func TestTheReaderOfTheCompositionOnlyReads(t *testing.T) {
	server := postgres.New(t)
	at, err := url.Parse(server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(t.Context(), "sh", filepath.Join(harness.Root(t), "infra", "images", "postgres.sh"))
	script.Env = append(os.Environ(), "PGHOST="+at.Hostname(), "PGPORT="+at.Port(), "POSTGRES_USER="+at.User.Username(),
		"MILLRACE_AIRFLOW_DB_PASSWORD=a", "MILLRACE_CATALOG_PASSWORD=b", "MILLRACE_CATALOG_READER_PASSWORD=c")
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	as := func(role, database, statement string) error {
		t.Helper()
		db, err := sql.Open("pgx", "postgres://"+role+"@"+at.Host+"/"+database+"?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		_, err = db.ExecContext(t.Context(), statement)
		return err
	}
	if err := as("lakehouse", "lakehouse", "CREATE TABLE later (n int)"); err != nil {
		t.Fatal(err)
	}
	if err := as("reader", "lakehouse", "SELECT * FROM later"); err != nil {
		t.Errorf("reader reads the catalog: %v", err)
	}
	for _, statement := range []string{"INSERT INTO later VALUES (1)", "UPDATE later SET n = 1", "DELETE FROM later", "DROP TABLE later", "CREATE TABLE mine (n int)"} {
		if err := as("reader", "lakehouse", statement); err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("reader: %s: %v", statement, err)
		}
	}
	for _, pair := range [][2]string{{"reader", "airflow"}, {"reader", "postgres"}, {"airflow", "lakehouse"}, {"lakehouse", "airflow"}} {
		if err := as(pair[0], pair[1], "SELECT 1"); err == nil || !strings.Contains(err.Error(), "permission denied for database") {
			t.Errorf("%s opens the database %s: %v", pair[0], pair[1], err)
		}
	}
}
