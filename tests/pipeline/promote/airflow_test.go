package promote_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/infra/settings"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// scheduler plays as much of Airflow as the reactor reports to; tests/airflow has the real one.
type scheduler struct {
	*httptest.Server
	mu     sync.Mutex
	events map[string][]map[string]any // extras by table, oldest first
}

func newScheduler(t testing.TB) *scheduler {
	a := &scheduler{events: map[string][]map[string]any{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, body any) {
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Errorf("answer the reactor: %v", err)
		}
	}
	mux.HandleFunc("POST /auth/token", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]string{"access_token": "token"})
	})
	mux.HandleFunc("GET /api/v2/assets", func(w http.ResponseWriter, r *http.Request) {
		for i, table := range harness.GoldTables {
			if uri := "s3://lakehouse/gold/" + strings.TrimPrefix(table, "gold."); uri == r.URL.Query().Get("uri_pattern") {
				answer(w, map[string]any{"assets": []any{map[string]any{"id": i, "uri": uri}}})
				return
			}
		}
		answer(w, map[string]any{"assets": []any{}})
	})
	mux.HandleFunc("/api/v2/assets/events", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if r.Method == http.MethodGet {
			var id int
			if _, err := fmt.Sscan(r.URL.Query().Get("asset_id"), &id); err != nil {
				t.Errorf("asset_id: %v", err)
			}
			events := []any{}
			for _, extra := range a.events[harness.GoldTables[id]] {
				events = append([]any{map[string]any{"extra": extra}}, events...)
			}
			answer(w, map[string]any{"asset_events": events})
			return
		}
		var body struct {
			AssetID int `json:"asset_id"`
			Extra   map[string]any
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("an event that is no JSON: %v", err)
		}
		a.events[harness.GoldTables[body.AssetID]] = append(a.events[harness.GoldTables[body.AssetID]], body.Extra)
		answer(w, map[string]any{})
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *scheduler) env() []string {
	return []string{"MILLRACE_AIRFLOW_URL=" + a.URL, "MILLRACE_AIRFLOW_USER=admin", "MILLRACE_AIRFLOW_PASSWORD=secret"}
}

// told returns the events of a table.
func (a *scheduler) told(table string) []map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]map[string]any(nil), a.events[table]...)
}

// knows waits until the last event of each table is of the snapshot that the lake has now.
func (a *scheduler) knows(t testing.TB, s *harness.Stack) {
	t.Helper()
	ids := s.Current(t)
	harness.Eventually(t, "Airflow was told of all gold tables", func() bool {
		for _, table := range harness.GoldTables {
			events := a.told(table)
			if len(events) == 0 || events[len(events)-1]["snapshot_id"] != fmt.Sprint(ids[table]) {
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
