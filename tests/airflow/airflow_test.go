//go:build airflow

// Package airflow runs the project's DAGs on a real Airflow against a real stack. Its tests need .venv: `go tool task
// test:airflow` makes it.
package airflow

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/market"
	"millrace/tests/harness"
)

const apiKey = "test-key"

// api is CoinCap as a test wants it: away, refusing, slow, or with other prices.
type api struct {
	*httptest.Server
	handler atomic.Pointer[http.Handler]
	calls   atomic.Int64
}

func newAPI(t *testing.T) *api {
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.calls.Add(1)
		(*a.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) set(h http.Handler) { a.handler.Store(&h) }

// away breaks every connection, as an API that is down does.
var away = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })

// now is the market's time in the whole test, so that the same call gives the same bytes.
var now = time.Now().UTC().Truncate(time.Second)

func day(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }

func simulator(t *testing.T, restated ...market.Restatement) http.Handler {
	t.Helper()
	s, err := coincap.NewSimulator(coincap.SimulatorConfig{Seed: 7, Now: func() time.Time { return now }, Restated: restated})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lakehouse is a stack with Airflow and the API that both use.
type lakehouse struct {
	*harness.Stack
	airflow *harness.Airflow
	api     *api
	whole   *testing.T // the test of which the steps are parts: what a step starts for later ones ends with it
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

// unpause lets a DAG run.
func (l *lakehouse) unpause(t *testing.T, dag string) {
	l.airflow.Call(t, http.MethodPatch, "/api/v2/dags/"+dag, map[string]any{"is_paused": false}, nil)
}

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
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/clear", map[string]any{"dry_run": false}, nil)
	harness.Eventually(t, "the run of "+day+" succeeds again", func() bool {
		one := l.tries(t, "coincap_daily", id)[0]
		return one.Number > before && one.State == "success"
	})
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

// commandOf is command for one that may fail.
func (l *lakehouse) commandOf(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(harness.Root(t), ".venv", "bin", "airflow"), args...)
	// `dags test` runs tasks itself: it needs the key that Airflow was started with.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "COINCAP_API_KEY=" + apiKey, "COINCAP_BASE_URL=" + l.api.URL + "/v3"}
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
	env := []string{"COINCAP_API_KEY=" + apiKey, "COINCAP_BASE_URL=" + source.URL + "/v3"}
	l := &lakehouse{Stack: harness.Start(t, harness.WithEnv(env...)), api: source, whole: t}
	l.airflow = l.StartAirflow(t, append(env, "MILLRACE_DAILY_START="+day(-3), "MILLRACE_AIRFLOW_RETRY_SECONDS=1",
		"MILLRACE_INGEST_PATIENCE=1s")...)
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
			t.FailNow() // what follows builds on it
		}
	}
}

func (l *lakehouse) outage(t *testing.T) {
	l.unpause(t, "coincap_daily")
	harness.Eventually(t, "two tries failed", func() bool {
		return slices.ContainsFunc(l.runs(t, "coincap_daily"), func(r run) bool {
			return slices.ContainsFunc(l.tries(t, "coincap_daily", r.ID), func(one try) bool { return one.Number >= 3 })
		})
	})
	if n := l.query(t, "select count(*) as n from silver.asset_prices")[0]["n"]; n != 0.0 {
		t.Errorf("%v rows while the API was down", n)
	}
	l.api.set(simulator(t))
	harness.Eventually(t, "three days landed", func() bool {
		runs := l.runs(t, "coincap_daily")
		return len(runs) == 3 && !slices.ContainsFunc(runs, func(r run) bool { return r.State != "success" })
	})
	l.settled(t)
	rows := l.query(t, "select day, source, count(*) as n from gold.daily_summary group by all order by day, source")
	want := []string{day(-3) + " history", day(-2) + " history", day(-1) + " history", day(0) + " snapshot"}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprint(r["day"], " ", r["source"]))
		if r["n"].(float64) < 18 || r["n"].(float64) > 20 { // the market has holes
			t.Errorf("%v assets on %v", r["n"], r["day"])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("gold has %q, want %q", got, want)
	}
	if n := l.query(t, "select count(*) as n from silver.asset_snapshots")[0]["n"]; n != 20.0 {
		t.Errorf("%v rows of one snapshot of 20 assets", n)
	}
}

func (l *lakehouse) report(t *testing.T) {
	prefix := "reports/gold/" + day(0) + "/"
	read := func(name string) string {
		o, err := l.Client().GetObject(t.Context(), l.Bucket(), prefix+name, s3.GetObjectOptions{})
		if err != nil {
			return ""
		}
		defer func() { _ = o.Close() }()
		text, _ := io.ReadAll(o) // absent until the DAG has run
		return string(text)
	}
	harness.Eventually(t, "the report of today", func() bool { return strings.Contains(read("report.md"), "| 1 | bitcoin |") })
	for _, want := range []string{"# The market on " + day(0), "bn USD", "](chart.svg)"} {
		if !strings.Contains(read("report.md"), want) {
			t.Errorf("the report lacks %q:\n%s", want, read("report.md"))
		}
	}
	for _, row := range l.tables(t) {
		if !strings.Contains(read("report.md"), "| "+row.Table+" | ") {
			t.Errorf("the report does not list %s:\n%s", row.Table, read("report.md"))
		}
	}
	if svg := read("chart.svg"); !strings.Contains(svg, "<svg") || !strings.Contains(svg, "bitcoin") {
		t.Errorf("the chart is none: %.200s", svg)
	}
}

type table struct{ Table string }

// tables are those of gold that the lake has.
func (l *lakehouse) tables(t *testing.T) []table {
	t.Helper()
	var all []table
	r := l.Run(t, "reactor", "tables", "--output", "json")
	if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil {
		t.Fatalf("%v: %s", err, r)
	}
	all = slices.DeleteFunc(all, func(one table) bool { return !strings.HasPrefix(one.Table, "gold.") })
	if len(all) == 0 {
		t.Fatal("the lake has no table of gold")
	}
	return all
}

func (l *lakehouse) rerun(t *testing.T) {
	before := l.snapshots(t)
	l.again(t, day(-2))
	l.settled(t)
	if after := l.snapshots(t); after != before {
		t.Errorf("tables changed:\n%s\n%s", before, after)
	}
}

func (l *lakehouse) restated(t *testing.T) {
	const all = "select asset_id || ' ' || day as k, hash(d)::varchar as h from gold.daily_summary as d order by k"
	before := l.query(t, all)
	at, err := time.Parse(time.DateOnly, day(-2))
	if err != nil {
		t.Fatal(err)
	}
	l.api.set(simulator(t, market.Restatement{Asset: "bitcoin", Day: at, Factor: 1.1}))
	l.again(t, day(-2))
	l.settled(t)
	after := l.query(t, all)
	if len(after) != len(before) {
		t.Fatalf("%d rows, then %d", len(before), len(after))
	}
	var changed []string
	for i := range after {
		if after[i]["h"] != before[i]["h"] {
			changed = append(changed, after[i]["k"].(string))
		}
	}
	if want := []string{"bitcoin " + day(-2)}; !slices.Equal(changed, want) {
		t.Errorf("changed are %q, want %q", changed, want)
	}
}

func (l *lakehouse) killed(t *testing.T) {
	working := simulator(t)
	blocked := make(chan struct{})
	first := make(chan struct{}, 100)
	l.api.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "history") { // some of the run's objects are there by then
			first <- struct{}{}
			select {
			case <-blocked:
			case <-r.Context().Done():
			}
		}
		working.ServeHTTP(w, r)
	}))
	id := l.of(t, day(-1)).ID
	before := l.tries(t, "coincap_daily", id)[0].Number
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/clear", map[string]any{"dry_run": false}, nil)
	<-first
	pids := processes(t, "ingestor\x00daily", l.Home)
	if len(pids) == 0 {
		t.Fatal("no ingestor runs")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	close(blocked)
	harness.Eventually(t, "the retry succeeds", func() bool {
		one := l.tries(t, "coincap_daily", id)[0]
		return one.Number >= before+2 && one.State == "success"
	})
	l.settled(t)
	if r := l.Run(t, "reactor", "dlq", "list", "--output", "json"); strings.TrimSpace(r.Stdout) != "[]" {
		t.Errorf("dead letters: %s", r)
	}
}

func (l *lakehouse) refused(t *testing.T) {
	l.api.set(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"no such key"}`)
	}))
	id := l.of(t, day(-3)).ID
	before := l.tries(t, "coincap_daily", id)[0].Number
	calls := l.api.calls.Load()
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/clear", map[string]any{"dry_run": false}, nil)
	harness.Eventually(t, "the task fails", func() bool { return l.tries(t, "coincap_daily", id)[0].State == "failed" })
	if one := l.tries(t, "coincap_daily", id)[0]; one.Number != before+1 {
		t.Errorf("it was tried %d times", one.Number-before)
	}
	if n := l.api.calls.Load() - calls; n != 1 {
		t.Errorf("%d calls with a refused key", n)
	}
	var log map[string]any
	l.airflow.Call(t, http.MethodGet, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/taskInstances/land/logs/"+strconv.Itoa(before+1)+"?full_content=true", nil, &log)
	text, err := json.Marshal(log)
	if err != nil || !strings.Contains(string(text), "API key refused") || !strings.Contains(string(text), "COINCAP_API_KEY") {
		t.Errorf("the log does not say what to do: %.2000s %v", text, err)
	}
	l.api.set(simulator(t))
}

// summaries selects gold's rows of days that only history tells of.
const summaries = `select asset_id, day::varchar as day, close::varchar as close, avg_price, sma_7, return_1d
	from gold.daily_summary join gold.rolling_averages using (asset_id, day) where day between '%s' and '%s' order by all`

func (l *lakehouse) days(t *testing.T) {
	l.command(t, "backfill", "create", "--dag-id", "coincap_daily", "--from-date", day(-20), "--to-date", day(-11))
	harness.Eventually(t, "ten days are landed", func() bool {
		done := 0
		for _, r := range l.runs(t, "coincap_daily") {
			if r.From[:10] >= day(-20) && r.From[:10] <= day(-11) && r.State == "success" {
				done++
			}
		}
		return done == 10
	})
	l.settled(t)
	direct := harness.Start(t)
	env := []string{"COINCAP_API_KEY=" + apiKey, "COINCAP_BASE_URL=" + l.api.URL + "/v3"}
	if r := direct.RunEnv(t, env, "ingestor", "history", "--from", day(-20), "--to", day(-11)); r.Code != 0 {
		t.Fatal(r)
	}
	other := &lakehouse{Stack: direct}
	other.settled(t)
	sql := fmt.Sprintf(summaries, day(-20), day(-11))
	got, want := l.query(t, sql), other.query(t, sql)
	if len(want) < 180 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d rows by Airflow differ from %d rows directly", len(got), len(want))
	}
}

func (l *lakehouse) years(t *testing.T) {
	from, to := now.AddDate(-3, 0, 0).Format(time.DateOnly), day(-21)
	l.unpause(t, "coincap_backfill")
	land := func() {
		var started run
		l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_backfill/dagRuns",
			map[string]any{"logical_date": nil, "conf": map[string]any{"from": from, "to": to, "top": 20}}, &started)
		harness.Eventually(t, "the backfill is done", func() bool {
			for _, r := range l.runs(t, "coincap_backfill") {
				if r.ID == started.ID {
					if r.State == "failed" {
						t.Fatalf("the backfill failed: %v", l.tries(t, "coincap_backfill", r.ID))
					}
					return r.State == "success"
				}
			}
			return false
		})
		pieces := 0
		for _, one := range l.tries(t, "coincap_backfill", started.ID) {
			if one.Task == "land" {
				pieces++
			}
		}
		if pieces != 3 {
			t.Errorf("%d pieces of %s to %s, want one a year", pieces, from, to)
		}
		l.settled(t)
	}
	land()
	if n := l.query(t, "select count(distinct day) as n from gold.daily_summary where day < '"+day(-20)+"'")[0]["n"].(float64); n < 1000 {
		t.Errorf("%v days of three years", n)
	}
	before := l.snapshots(t)
	land()
	if after := l.snapshots(t); after != before {
		t.Errorf("tables changed:\n%s\n%s", before, after)
	}
}

// hole takes yesterday's run away, as if Airflow had been down when it was due, and starts Airflow again.
func (l *lakehouse) hole(t *testing.T) {
	id := l.of(t, day(-1)).ID
	l.airflow.Call(t, http.MethodDelete, "/api/v2/dags/coincap_daily/dagRuns/"+id, nil, nil)
	if r := l.airflow.Stop(t); r.Code != 0 {
		t.Fatalf("Airflow did not stop in order: %s", r)
	}
	key := "bronze/coincap/assets/ingest_date=" + day(0) + "/without-airflow.json"
	body := fmt.Sprintf(`{"timestamp":%d,"data":[{"id":"bitcoin","symbol":"BTC","priceUsd":"1"}]}`, now.UnixMilli()-1000)
	l.Put(t, key, []byte(body), nil)
	l.Wait(t, key) // nothing else depends on Airflow
	env := []string{"COINCAP_API_KEY=" + apiKey, "COINCAP_BASE_URL=" + l.api.URL + "/v3", "MILLRACE_DAILY_START=" + day(-3), "MILLRACE_AIRFLOW_RETRY_SECONDS=1"}
	l.airflow = l.StartAirflow(l.whole, env...)
	harness.Eventually(t, "the day is landed after all", func() bool {
		return slices.ContainsFunc(l.runs(t, "coincap_daily"), func(r run) bool { return strings.HasPrefix(r.From, day(-1)) && r.State == "success" })
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

// log is what a task of coincap_daily wrote in its last try.
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

// landed counts the objects of a day in bronze.
func (l *lakehouse) landed(t *testing.T, day string) int {
	t.Helper()
	n := 0
	for object := range l.Client().ListObjects(t.Context(), l.Bucket(), s3.ListObjectsOptions{Prefix: "bronze/coincap/history/ingest_date=" + day + "/", Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		n++
	}
	return n
}

func (l *lakehouse) byHand(t *testing.T) {
	none := l.trigger(t, nil, map[string]any{})
	if tries := l.tries(t, "coincap_daily", none.ID); none.State != "failed" || tries[0].Number != 1 || !strings.Contains(l.log(t, none.ID), "has no day to land") {
		t.Errorf("without a day: %+v, %+v", none, tries)
	}
	given := l.trigger(t, nil, map[string]any{"date": day(-30)})
	if given.State != "success" || l.landed(t, day(-30)) < 18 {
		t.Errorf("with the parameter date: %+v, %d objects", given, l.landed(t, day(-30)))
	}
	// Its data interval is that of the last complete day, and not what was asked for.
	asked := l.trigger(t, day(-2)+"T05:00:00Z", map[string]any{})
	if text := l.log(t, asked.ID); asked.State != "success" || !strings.Contains(text, "daily --date "+day(-2)+" ") {
		t.Errorf("with a logical date: %+v: %.2000s", asked, text)
	}
	l.command(t, "dags", "trigger", "coincap_daily", "--conf", `{"date": "`+day(-31)+`"}`)
	harness.Eventually(t, "the command's run has landed its day", func() bool { return l.landed(t, day(-31)) >= 18 })
	if out := l.command(t, "dags", "test", "coincap_daily", day(-2)+"T07:00:00"); !strings.Contains(out, "daily --date "+day(-2)+" ") {
		t.Errorf("`dags test` of %s does something else: %s", day(-2), out)
	}
	// Airflow runs no task of a day before the DAG's first one; the parameter may be any day.
	// Airflow runs no task of a day before the DAG's first, and called it a success.
	if out, err := l.commandOf(t, "dags", "test", "coincap_daily", day(-400)+"T00:00:00"); err == nil || !strings.Contains(out, "ran no task") || !strings.Contains(out, "backfill create") {
		t.Errorf("`dags test` of a day before the first one: %v\n%s", err, out)
	}
	l.command(t, "dags", "test", "coincap_daily", "--conf", `{"date": "`+day(-32)+`"}`)
	if n := l.landed(t, day(-32)); n < 18 {
		t.Errorf("`dags test` with the date %s landed %d objects", day(-32), n)
	}
	l.settled(t)
}

// nothing is an API that knows no history: the day must not count as landed.
func (l *lakehouse) nothing(t *testing.T) {
	empty, err := coincap.NewSimulator(coincap.SimulatorConfig{
		Seed: 7, Now: func() time.Time { return now }, Faults: coincap.Faults{Missing: coincap.Fault{Probability: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.api.set(empty)
	id := l.of(t, day(-3)).ID
	before := l.tries(t, "coincap_daily", id)[0].Number
	l.airflow.Call(t, http.MethodPost, "/api/v2/dags/coincap_daily/dagRuns/"+id+"/clear", map[string]any{"dry_run": false}, nil)
	harness.Eventually(t, "it is tried again", func() bool { return l.tries(t, "coincap_daily", id)[0].Number >= before+2 })
	l.api.set(simulator(t))
	harness.Eventually(t, "it succeeds once there is data", func() bool { return l.tries(t, "coincap_daily", id)[0].State == "success" })
}

// leftovers kills the program that runs Airflow, and it alone: what it started goes on until the next start.
func (l *lakehouse) leftovers(t *testing.T) {
	if err := syscall.Kill(l.airflow.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l.airflow.Wait(t)
	left := processes(t, "airflow", l.Home)
	if len(left) == 0 {
		t.Fatal("nothing outlived it: there is nothing to end")
	}
	env := []string{"COINCAP_API_KEY=" + apiKey, "COINCAP_BASE_URL=" + l.api.URL + "/v3", "MILLRACE_DAILY_START=" + day(-3), "MILLRACE_AIRFLOW_RETRY_SECONDS=1"}
	l.airflow = l.StartAirflow(l.whole, env...)
	now := processes(t, "airflow", l.Home)
	for _, pid := range left {
		if slices.Contains(now, pid) {
			t.Errorf("process %d of the killed Airflow still runs", pid)
		}
	}
	if !strings.Contains(l.airflow.Stderr(), "an earlier Airflow here was killed") {
		t.Errorf("the start does not tell of them: %s", l.airflow.Stderr())
	}
}

func (l *lakehouse) end(t *testing.T) {
	if len(processes(t, "airflow", l.Home)) == 0 {
		t.Fatal("no process of Airflow's is seen: the test would not see one that stays")
	}
	if r := l.airflow.Stop(t); r.Code != 0 {
		t.Errorf("Airflow did not stop in order: %s", r)
	}
	if left := processes(t, "airflow", l.Home); len(left) > 0 {
		t.Errorf("processes stay: %v", left)
	}
}

// processes finds those whose command line contains text and whose environment names the home.
func processes(t *testing.T, text, home string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(line), text) {
			continue
		}
		environ, err := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
		if err != nil || !strings.Contains(string(environ), home) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
