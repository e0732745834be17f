package promote_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/infra/airflow/airflowtest"
	"millrace/infra/settings"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// scheduler is an Airflow whose DAGs name each gold table and all of gold; tests/airflow has a real one.
type scheduler struct {
	*airflowtest.Fake
	ids map[string]int // of assets, by table; "gold" is all of it
}

func newScheduler(t testing.TB) *scheduler {
	ids := map[string]int{}
	var uris []string
	for _, table := range append([]string{"gold"}, harness.GoldTables...) {
		uris = append(uris, "s3://lakehouse/"+strings.ReplaceAll(table, ".", "/"))
		ids[table] = len(uris)
	}
	return &scheduler{airflowtest.New(t, uris...), ids}
}

func (a *scheduler) env() []string {
	at := a.At()
	return []string{"MILLRACE_AIRFLOW_URL=" + at.URL, "MILLRACE_AIRFLOW_USER=" + at.User, "MILLRACE_AIRFLOW_PASSWORD=" + at.Password.Reveal()}
}

// told returns the events of a table.
func (a *scheduler) told(table string) []map[string]any { return a.Told(a.ids[table]) }

// knows waits until the last event of each table is of the snapshot that the lake has now.
func (a *scheduler) knows(t testing.TB, s *harness.Stack) {
	t.Helper()
	ids := s.Current(t)
	harness.Eventually(t, "Airflow was told of all gold tables", func() bool {
		whole := a.told("gold")
		for _, table := range harness.GoldTables {
			events := a.told(table)
			if len(events) == 0 || events[len(events)-1]["snapshot_id"] != fmt.Sprint(ids[table]) || len(whole) == 0 {
				return false
			}
			if tables, ok := whole[len(whole)-1]["tables"].(map[string]any); !ok || tables[table] != fmt.Sprint(ids[table]) {
				return false
			}
		}
		return true
	})
}

func TestAirflowIsToldOfEachTableThatGoldCommits(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	a := newScheduler(t)
	r := s.StartReactor(t, a.env()...)
	put := func(name string, at time.Time, price string) {
		t.Helper()
		s.Put(t, coin.AssetsKey(name), coin.Assets(at, coin.Asset("bitcoin", price, "1"), coin.Asset("tether", "1", "1")), nil)
		s.Wait(t, coin.AssetsKey(name))
	}
	put("1.json", coin.Day(time.June, 1), "5")
	put("2.json", coin.Day(time.June, 2), "6")
	a.knows(t, s)
	first := a.told("gold.rankings")
	last := first[len(first)-1]
	if last["table"] != "gold.rankings" || last["step"] == nil || last["last_day"] != "2025-06-02" || !strings.Contains(fmt.Sprint(last["days"]), "2025-06-02") {
		t.Errorf("the last event: %v", last)
	}

	// A restart repeats nothing.
	if end := r.Stop(t); end.Code != 0 {
		t.Fatalf("the reactor did not stop in order: %s", end)
	}
	r = s.StartReactor(t, a.env()...)
	put("3.json", coin.Day(time.June, 3), "7")
	a.knows(t, s)
	if again := a.told("gold.rankings"); len(again) != len(first)+1 || again[len(first)]["days"] != "2025-06-03" {
		t.Errorf("after a restart and one object: %v", again[len(first):])
	}

	// A reactor reports what the one before it could not, here because that one knew no Airflow.
	r.Stop(t)
	r = s.StartReactor(t)
	put("4.json", coin.Day(time.June, 4), "8")
	before := len(a.told("gold.rankings"))
	r.Stop(t)
	r = s.StartReactor(t, a.env()...)
	a.knows(t, s)
	if events := a.told("gold.rankings"); len(events) != before+1 || events[before]["days"] != nil {
		t.Errorf("after a reactor that told nothing: %v", events[before:])
	}
	r.Stop(t)

	// The stack's own Airflow, which may start later, is found by its file.
	s.StartReactor(t)
	put("5.json", coin.Day(time.June, 5), "9")
	local := map[string]string{}
	for _, v := range a.env() {
		name, value, _ := strings.Cut(v, "=")
		local[name] = value
	}
	if err := settings.WriteEnv(s.Home, settings.RoleAirflow, local); err != nil {
		t.Fatal(err)
	}
	a.knows(t, s)
	if events := a.told("gold.rankings"); len(events) != before+2 || events[before+1]["days"] != "2025-06-05" {
		t.Errorf("of the time before Airflow started: %v", events[before:])
	}
	s.CheckEqual(t)
}

func TestAnAddressThatWouldShowThePasswordEndsTheStart(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	r := s.RunEnv(t, []string{"MILLRACE_AIRFLOW_URL=http://airflow.example.org", "MILLRACE_AIRFLOW_PASSWORD=secret"}, "reactor", "run", "--http-addr", "127.0.0.1:0")
	if r.Code != 1 || !strings.Contains(r.Stderr, "must begin with https://") || strings.Contains(r.Stderr, "secret") {
		t.Errorf("want exit code 1 and the reason: %s", r)
	}
}
