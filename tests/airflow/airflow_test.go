//go:build airflow

// Package airflow runs the project's DAGs on a real Airflow against a real stack. Its tests need .venv: `go tool task
// test:airflow` makes it.
package airflow

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
)

const apiKey = "test-key"

// lakehouse is a stack, its Airflow, and the API that both use.
type lakehouse struct {
	*harness.Stack
	airflow *harness.Airflow
	api     *api
	whole   *testing.T // the test that all steps belong to: what a step starts for later ones ends with it
}

func (l *lakehouse) query(t *testing.T, sql string) []map[string]any {
	t.Helper()
	r := l.Run(t, "reactor", "query", sql, "--output", "json")
	var rows []map[string]any
	if err := json.Unmarshal([]byte(r.Stdout), &rows); err != nil {
		t.Fatalf("%s: %v: %s", sql, err, r)
	}
	return rows
}

// settled waits until gold has everything that is in bronze, and proves it.
func (l *lakehouse) settled(t *testing.T) {
	t.Helper()
	harness.Eventually(t, "bronze is in gold", func() bool { return l.Run(t, "reactor", "check").Code == 0 })
}

// start starts Airflow, with more variables if need be. It ends with the whole test.
func (l *lakehouse) start(more ...string) {
	env := append(l.api.env(), "MILLRACE_DAILY_START="+day(-3), "MILLRACE_AIRFLOW_RETRY_SECONDS=1")
	l.airflow = l.StartAirflow(l.whole, append(env, more...)...)
}

// unpause lets a DAG run.
func (l *lakehouse) unpause(t *testing.T, dag string) {
	l.airflow.Call(t, http.MethodPatch, "/api/v2/dags/"+dag, map[string]any{"is_paused": false}, nil)
}

// snapshots reads the snapshots of all tables. They change when a row does.
func (l *lakehouse) snapshots(t *testing.T) string {
	t.Helper()
	return l.Run(t, "reactor", "tables", "--output", "csv").Stdout
}

// command runs Airflow's own command on this Airflow and returns what it printed.
func (l *lakehouse) command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := l.commandOf(t, args...)
	if err != nil {
		t.Fatalf("airflow %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// commandOf does the same for a command that may fail.
func (l *lakehouse) commandOf(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(harness.Root(t), ".venv", "bin", "airflow"), args...)
	// `dags test` runs tasks itself: it needs the key that Airflow was started with.
	cmd.Env = append(l.api.env(), "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	for name, value := range l.Vars(t, "airflow") {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "database is locked") { // by another part of Airflow; nothing was done
		return l.commandOf(t, args...)
	}
	return string(out), err
}

// TestAirflow has one Airflow for all steps, because its start takes ten seconds. The steps build on each other.
func TestAirflow(t *testing.T) {
	source := newAPI(t)
	source.set(away)
	l := &lakehouse{Stack: harness.Start(t, harness.WithEnv(source.env()...)), api: source, whole: t}
	l.start("MILLRACE_INGEST_PATIENCE=1s")
	l.unpause(t, "gold_report")

	steps := []struct {
		name string
		run  func(*testing.T)
	}{
		{"an API that is down is tried again, and each missed day lands", l.outage},
		{"the report of the newest day is readable", l.report},
		{"a day that is run again changes nothing", l.rerun},
		{"a restated price changes its days and no others", l.restated},
		{"a killed ingestor leaves no half object", l.killed},
		{"a refused key fails at once and says so", l.refused},
		{"a backfill of days equals a lake filled directly", l.days},
		{"a backfill of years lands once", l.years},
		{"a day without Airflow is caught up", l.hole},
		{"a run by hand lands the day it was asked for, or fails at once", l.byHand},
		{"a day without data is tried again", l.nothing},
		{"a start ends what a killed Airflow left", l.leftovers},
		{"the end leaves no process", l.end},
	}
	for _, s := range steps {
		if !t.Run(s.name, s.run) {
			t.FailNow() // later steps build on it
		}
	}
}
