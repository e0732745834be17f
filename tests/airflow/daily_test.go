//go:build airflow

package airflow

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/market"
	"millrace/tests/harness"
)

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
	l.clear(t, id)
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
	l.clear(t, id)
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

// hole deletes yesterday's run, as if Airflow had been down when it was due, and starts Airflow again.
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
	l.start()
	harness.Eventually(t, "the day is landed after all", func() bool {
		return slices.ContainsFunc(l.runs(t, "coincap_daily"), func(r run) bool { return strings.HasPrefix(r.From, day(-1)) && r.State == "success" })
	})
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
	// The run's data interval is that of the last complete day, not the day that was asked for.
	asked := l.trigger(t, day(-2)+"T05:00:00Z", map[string]any{})
	if text := l.log(t, asked.ID); asked.State != "success" || !strings.Contains(text, "daily --date "+day(-2)+" ") {
		t.Errorf("with a logical date: %+v: %.2000s", asked, text)
	}
	l.command(t, "dags", "trigger", "coincap_daily", "--conf", `{"date": "`+day(-31)+`"}`)
	harness.Eventually(t, "the command's run has landed its day", func() bool { return l.landed(t, day(-31)) >= 18 })
	if out := l.command(t, "dags", "test", "coincap_daily", day(-2)+"T07:00:00"); !strings.Contains(out, "daily --date "+day(-2)+" ") {
		t.Errorf("`dags test` of %s does something else: %s", day(-2), out)
	}
	// Airflow runs no task of a day before the DAG's first one, and called that a success. The parameter may be any day.
	if out, err := l.commandOf(t, "dags", "test", "coincap_daily", day(-400)+"T00:00:00"); err == nil || !strings.Contains(out, "ran no task") || !strings.Contains(out, "backfill create") {
		t.Errorf("`dags test` of a day before the first one: %v\n%s", err, out)
	}
	l.command(t, "dags", "test", "coincap_daily", "--conf", `{"date": "`+day(-32)+`"}`)
	if n := l.landed(t, day(-32)); n < 18 {
		t.Errorf("`dags test` with the date %s landed %d objects", day(-32), n)
	}
	l.settled(t)
}

// nothing has an API that knows no history: the day must not count as landed.
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
	l.clear(t, id)
	harness.Eventually(t, "it is tried again", func() bool { return l.tries(t, "coincap_daily", id)[0].Number >= before+2 })
	l.api.set(simulator(t))
	harness.Eventually(t, "it succeeds once there is data", func() bool { return l.tries(t, "coincap_daily", id)[0].State == "success" })
}
