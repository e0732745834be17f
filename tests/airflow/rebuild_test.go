//go:build airflow && spark

package airflow

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// The DAG lakehouse_rebuild has Spark rebuild two tables of one day beside the reactor, and everything stays what it was. The other table
// that gold is computed from has no row, and no branch. It needs Spark in .venv-spark as well.
func TestADagRebuildsTablesOnSpark(t *testing.T) {
	l := &lakehouse{Stack: harness.Start(t), api: newAPI(t), whole: t}
	l.api.set(away)
	for n := range 3 {
		at := coin.Day(time.June, 1+n)
		key := "bronze/coincap/assets/ingest_date=" + at.Format(time.DateOnly) + "/a.json"
		l.PutAndWait(t, key, coin.Assets(at, coin.Asset("bitcoin", "100.3", "10"), coin.Asset("tether", "1.1", "5")), nil)
	}
	l.Settled(t)
	before := l.Contents(t, harness.Tables...)
	root := harness.Root(t)
	venv := filepath.Join(root, ".venv-spark")
	if _, err := os.Stat(venv); err != nil {
		t.Fatalf("%v; `go tool task spark:install` installs Spark", err)
	}
	l.start("MILLRACE_SPARK="+filepath.Join(root, "infra", "spark"), "MILLRACE_SPARK_PYTHON="+filepath.Join(venv, "bin"),
		"SPARK_LOCAL_IP=127.0.0.1", `AIRFLOW_CONN_SPARK_DEFAULT={"conn_type": "spark", "host": "local[2]"}`)
	l.unpause(t, "lakehouse_rebuild")
	var started run
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/lakehouse_rebuild/dagRuns", map[string]any{"logical_date": nil, "conf": map[string]any{
		"from": "2025-06-02", "to": "2025-06-02", "tables": []string{"silver.asset_snapshots", "gold.daily_summary"},
	}}, &started)

	var ended run
	for deadline := time.Now().Add(10 * time.Minute); ended.State != "success"; time.Sleep(time.Second) {
		runs := l.runs(t, "lakehouse_rebuild")
		ended = runs[slices.IndexFunc(runs, func(r run) bool { return r.ID == started.ID })]
		if ended.State == "failed" || time.Now().After(deadline) {
			t.Fatalf("the run is %s: %v\n%s", ended.State, l.tries(t, "lakehouse_rebuild", started.ID), l.logs(t, started.ID))
		}
	}
	for _, table := range []string{"silver.asset_snapshots", "gold.daily_summary"} {
		all := l.Snapshots(t, table)
		if !slices.ContainsFunc(all, func(s harness.Snapshot) bool { return strings.Contains(s.MadeBy, "made-by=spark") }) {
			t.Errorf("no snapshot of %s is Spark's: %v", table, all)
		}
	}
	if left := l.Reactor(t, "publish", "--output", "csv"); strings.Count(left, "\n") != 1 {
		t.Errorf("branches are left: %s", left)
	}
	l.SameContents(t, "after the rebuild", before)
	l.CheckEqual(t)
}

// logs is what the tasks of a run of lakehouse_rebuild said, without the lines of stacks.
func (l *lakehouse) logs(t *testing.T, id string) string {
	t.Helper()
	var text strings.Builder
	files, err := filepath.Glob(filepath.Join(l.Home, "airflow", "logs", "dag_id=lakehouse_rebuild", "run_id="+id, "*", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(file + "\n")
		for line := range strings.Lines(string(content)) {
			var said struct{ Event string }
			if err := json.Unmarshal([]byte(line), &said); err == nil && !strings.HasPrefix(said.Event, "at ") {
				text.WriteString(said.Event[:min(len(said.Event), 500)] + "\n")
			}
		}
	}
	return text.String()
}
