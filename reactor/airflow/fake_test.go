package airflow

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

const (
	user     = "admin"
	password = "hunter2hunter2"
)

// fake plays the calls of Airflow 3.3.2 that are used here as its sources have them: routes/public/assets.py and its
// datamodels, and the simple auth manager's log-in.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	assets map[int]string           // URIs by id
	events map[int][]map[string]any // extras by asset, oldest first
	token  int                      // number of the last token given out; only that one is good
	calls  []string
	// refuse, when set, answers a request in place of Airflow with the status that it returns, unless that is 0.
	refuse func(*http.Request) int
	// answerLost refuses after the event was made.
	answerLost bool
}

func newFake(t testing.TB, uris ...string) *fake {
	t.Helper()
	f := &fake{assets: map[int]string{}, events: map[int][]map[string]any{}}
	for i, uri := range uris {
		f.assets[i+1] = uri
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) at() settings.Airflow {
	return settings.Airflow{URL: f.URL, User: user, Password: password}
}

// set changes what Airflow does while it runs.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// told are the extras of an asset's events, oldest first.
func (f *fake) told(id int) []map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events[id])
}

// made counts the calls of a method and path so far.
func (f *fake) made(call string) int {
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

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call := r.Method + " " + r.URL.Path
	f.calls = append(f.calls, call)
	if f.refuse != nil {
		if status := f.refuse(r); status != 0 {
			respond(w, status, map[string]any{"detail": "scripted"})
			return
		}
	}
	if call != "POST /auth/token" && r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", f.token) {
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
	default:
		respond(w, http.StatusNotFound, map[string]any{"detail": "Not Found"})
	}
}

func (f *fake) login(w http.ResponseWriter, r *http.Request) {
	var body struct{ Username, Password string }
	if !strict(w, r, &body) {
		return
	}
	if body.Username != user || body.Password != password {
		respond(w, http.StatusUnauthorized, map[string]any{"detail": "Invalid credentials"})
		return
	}
	f.token++
	respond(w, http.StatusCreated, map[string]any{"access_token": fmt.Sprintf("token-%d", f.token)})
}

// listAssets searches with ILIKE '%pattern%', so that each _ of a table's name finds any character.
func (f *fake) listAssets(w http.ResponseWriter, r *http.Request) {
	pattern := strings.NewReplacer("_", ".", "%", ".*").Replace(regexp.QuoteMeta(r.URL.Query().Get("uri_pattern")))
	like := regexp.MustCompile("(?i)" + pattern)
	found := []map[string]any{}
	for id, uri := range f.assets {
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

func (f *fake) listEvents(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.URL.Query().Get("asset_id"))
	if err != nil {
		respond(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{"asset_id"}})
		return
	}
	events := []map[string]any{}
	for _, extra := range f.events[id] {
		events = append(events, map[string]any{"asset_id": id, "extra": extra})
	}
	if r.URL.Query().Get("order_by") == "-timestamp" {
		slices.Reverse(events)
	}
	respond(w, http.StatusOK, map[string]any{"asset_events": events[:min(len(events), limit(r))], "total_entries": len(events)})
}

func (f *fake) createEvent(w http.ResponseWriter, r *http.Request) {
	var body struct {
		AssetID int            `json:"asset_id"`
		Extra   map[string]any `json:"extra"`
	}
	if !strict(w, r, &body) {
		return
	}
	if f.assets[body.AssetID] == "" {
		respond(w, http.StatusNotFound, map[string]any{"detail": fmt.Sprintf("Asset with ID: `%d` was not found", body.AssetID)})
		return
	}
	body.Extra["from_rest_api"] = true
	f.events[body.AssetID] = append(f.events[body.AssetID], body.Extra)
	if f.answerLost {
		respond(w, http.StatusBadGateway, "not what Airflow says")
		return
	}
	respond(w, http.StatusOK, map[string]any{"asset_id": body.AssetID, "extra": body.Extra})
}

// strict reads a body as Airflow's strict models do, and refuses one with other fields by quoting it.
func strict(w http.ResponseWriter, r *http.Request, body any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		respond(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"msg": err.Error(), "input": password}}})
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
