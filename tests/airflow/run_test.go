//go:build airflow

package airflow

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millrace/tests/harness"
)

type run struct {
	ID    string `json:"dag_run_id"`
	State string `json:"state"`
	From  string `json:"data_interval_start"`
}

func (l *lakehouse) runs(t *testing.T, dag string) []run {
	t.Helper()
	var all struct {
		Runs []run `json:"dag_runs"`
	}
	l.airflow.Call(t, http.MethodGet, "/api/v2/dags/"+dag+"/dagRuns?limit=100&order_by=run_after", nil, &all)
	return all.Runs
}

// of finds the run of a day.
func (l *lakehouse) of(t *testing.T, day string) run {
	t.Helper()
	runs := l.runs(t, "coincap_daily")
	i := slices.IndexFunc(runs, func(r run) bool { return strings.HasPrefix(r.From, day) })
	if i < 0 {
		t.Fatalf("no run of %s: %v", day, runs)
	}
	return runs[i]
}

type try struct {
	State  string `json:"state"`
	Number int    `json:"try_number"`
	Task   string `json:"task_id"`
}

func (l *lakehouse) tries(t *testing.T, dag, id string) []try {
	t.Helper()
	var all struct {
		Instances []try `json:"task_instances"`
	}
	l.airflow.Call(t, http.MethodGet, "/api/v2/dags/"+dag+"/dagRuns/"+id+"/taskInstances", nil, &all)
	return all.Instances
}

// again clears a run and waits until it has succeeded once more.
func (l *lakehouse) again(t *testing.T, day string) {
	t.Helper()
	id := l.of(t, day).ID
	before := l.tries(t, "coincap_daily", id)[0].Number
	l.clear(t, id)
	harness.Eventually(t, "the run of "+day+" succeeds again", func() bool {
		one := l.tries(t, "coincap_daily", id)[0]
		return one.Number > before && one.State == "success"
	})
}

// trigger starts a run by hand and returns it when it has ended.
func (l *lakehouse) trigger(t *testing.T, logicalDate any, conf map[string]any) run {
	t.Helper()
	var started run
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_daily/dagRuns", map[string]any{"logical_date": logicalDate, "conf": conf}, &started)
	var ended run
	harness.Eventually(t, "the run has ended", func() bool {
		runs := l.runs(t, "coincap_daily")
		i := slices.IndexFunc(runs, func(r run) bool { return r.ID == started.ID })
		if i >= 0 {
			ended = runs[i]
		}
		return ended.State == "success" || ended.State == "failed"
	})
	return ended
}

// log returns what a task of coincap_daily wrote in its last try.
func (l *lakehouse) log(t *testing.T, id string) string {
	t.Helper()
	number := l.tries(t, "coincap_daily", id)[0].Number
	var log map[string]any
	l.airflow.Call(t, http.MethodGet, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/taskInstances/land/logs/"+strconv.Itoa(number)+"?full_content=true", nil, &log)
	text, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// clear has Airflow run a run of coincap_daily again.
func (l *lakehouse) clear(t *testing.T, id string) {
	t.Helper()
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/clear", map[string]any{"dry_run": false}, nil)
}
