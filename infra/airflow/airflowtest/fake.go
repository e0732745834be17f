// Package airflowtest plays an Airflow for tests of what calls one.
package airflowtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"millrace/infra/settings"
)

// User and Password are the only ones that log in.
const (
	User     = "admin"
	Password = "hunter2hunter2"
)

// Fake plays the calls of Airflow 3.3.2 that the project makes, as its sources have them: routes/public/assets.py, pools.py
// and monitor.py with their datamodels, and the simple auth manager's log-in. Once it serves, change its fields within Set.
type Fake struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string

	Assets map[int]string           // URIs by id
	Events map[int][]map[string]any // extras by asset, oldest first
	Pools  map[string]int           // slots by name
	Health map[string]string        // status by part
	Token  int                      // number of the last token given out; only that one is good
	// Refuse, when set, answers a request in place of Airflow with the status that it returns, unless that is 0.
	Refuse func(*http.Request) int
	// AnswerLost refuses after the event was made.
	AnswerLost bool
}

// New starts a fake whose assets have the ids 1, 2, … in the order of their URIs here.
func New(t testing.TB, uris ...string) *Fake {
	t.Helper()
	f := &Fake{Assets: map[int]string{}, Events: map[int][]map[string]any{}, Pools: map[string]int{}, Health: map[string]string{
		"metadatabase": "healthy", "scheduler": "healthy", "dag_processor": "healthy", "triggerer": "healthy",
	}}
	for i, uri := range uris {
		f.Assets[i+1] = uri
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// At is where it is, with the right password.
func (f *Fake) At() settings.Airflow {
	return settings.Airflow{URL: f.URL, User: User, Password: Password}
}

// Set changes what Airflow does while it runs.
func (f *Fake) Set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// Told are the extras of an asset's events, oldest first.
func (f *Fake) Told(id int) []map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.Events[id])
}

// Made counts the calls of a method and path so far.
func (f *Fake) Made(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n
}

// ServeHTTP implements http.Handler.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call := r.Method + " " + r.URL.Path
	f.calls = append(f.calls, call)
	if f.Refuse != nil {
		if status := f.Refuse(r); status != 0 {
			respond(w, status, map[string]any{"detail": "scripted"})
			return
		}
	}
	open := call == "POST /auth/token" || call == "GET /api/v2/monitor/health"
	if !open && r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", f.Token) {
		respond(w, http.StatusUnauthorized, map[string]any{"detail": "Invalid JWT token"})
		return
	}
	switch call {
	case "POST /auth/token":
		f.login(w, r)
	case "GET /api/v2/assets":
		f.listAssets(w, r)
	case "GET /api/v2/assets/events":
		f.listEvents(w, r)
	case "POST /api/v2/assets/events":
		f.createEvent(w, r)
	case "GET /api/v2/monitor/health":
		parts := map[string]any{}
		for part, status := range f.Health {
			parts[part] = map[string]any{"status": status}
		}
		respond(w, http.StatusOK, parts)
	case "POST /api/v2/pools":
		f.createPool(w, r)
	default:
		respond(w, http.StatusNotFound, map[string]any{"detail": "Not Found"})
	}
}

func (f *Fake) login(w http.ResponseWriter, r *http.Request) {
	var body struct{ Username, Password string }
	if !strict(w, r, &body) {
		return
	}
	if body.Username != User || body.Password != Password {
		respond(w, http.StatusUnauthorized, map[string]any{"detail": "Invalid credentials"})
		return
	}
	f.Token++
	respond(w, http.StatusCreated, map[string]any{"access_token": fmt.Sprintf("token-%d", f.Token)})
}

// listAssets searches with ILIKE '%pattern%', so that each _ of a table's name finds any character.
func (f *Fake) listAssets(w http.ResponseWriter, r *http.Request) {
	pattern := strings.NewReplacer("_", ".", "%", ".*").Replace(regexp.QuoteMeta(r.URL.Query().Get("uri_pattern")))
	like := regexp.MustCompile("(?i)" + pattern)
	found := []map[string]any{}
	for id, uri := range f.Assets {
		if like.MatchString(uri) {
			found = append(found, map[string]any{"id": id, "uri": uri, "name": "any", "group": "gold"})
		}
	}
	slices.SortFunc(found, func(a, b map[string]any) int {
		if r.URL.Query().Get("order_by") == "uri" {
			return cmp.Compare(a["uri"].(string), b["uri"].(string))
		}
		return cmp.Compare(a["id"].(int), b["id"].(int))
	})
	respond(w, http.StatusOK, map[string]any{"assets": found[:min(len(found), limit(r))], "total_entries": len(found)})
}

func (f *Fake) listEvents(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.URL.Query().Get("asset_id"))
	if err != nil {
		respond(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{"asset_id"}})
		return
	}
	events := []map[string]any{}
	for _, extra := range f.Events[id] {
		events = append(events, map[string]any{"asset_id": id, "extra": extra})
	}
	if r.URL.Query().Get("order_by") == "-timestamp" {
		slices.Reverse(events)
	}
	respond(w, http.StatusOK, map[string]any{"asset_events": events[:min(len(events), limit(r))], "total_entries": len(events)})
}

func (f *Fake) createEvent(w http.ResponseWriter, r *http.Request) {
	var body struct {
		AssetID int            `json:"asset_id"`
		Extra   map[string]any `json:"extra"`
	}
	if !strict(w, r, &body) {
		return
	}
	if f.Assets[body.AssetID] == "" {
		respond(w, http.StatusNotFound, map[string]any{"detail": fmt.Sprintf("Asset with ID: `%d` was not found", body.AssetID)})
		return
	}
	body.Extra["from_rest_api"] = true
	f.Events[body.AssetID] = append(f.Events[body.AssetID], body.Extra)
	if f.AnswerLost {
		respond(w, http.StatusBadGateway, "not what Airflow says")
		return
	}
	respond(w, http.StatusOK, map[string]any{"asset_id": body.AssetID, "extra": body.Extra})
}

func (f *Fake) createPool(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name, Description string
		Slots             int
		IncludeDeferred   bool `json:"include_deferred"`
	}
	if !strict(w, r, &body) {
		return
	}
	if _, there := f.Pools[body.Name]; there {
		respond(w, http.StatusConflict, map[string]any{"detail": map[string]any{"reason": "Unique constraint violation"}})
		return
	}
	f.Pools[body.Name] = body.Slots
	respond(w, http.StatusCreated, body)
}

// strict reads a body as Airflow's strict models do, and refuses one with other fields by quoting it.
func strict(w http.ResponseWriter, r *http.Request, body any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		respond(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"msg": err.Error(), "input": Password}}})
		return false
	}
	return true
}

func limit(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		return 50
	}
	return min(n, 100)
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the test sees what the client makes of it
}
