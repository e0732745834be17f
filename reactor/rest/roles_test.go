package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/settings"
	"millrace/reactor/access"
)

// Every call that changes something is refused to who may only read, before anything is looked at: the server has no lake here.
func TestWhoMayOnlyReadChangesNothing(t *testing.T) {
	const reader = "analyst-0123456789abcdef"
	tokens, err := access.NewTokens(settings.Tokens{Owner: "owner-0123456789abcdef", Analyst: reader})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	h := New(Config{Tokens: tokens, Registry: registry}).Handler("")
	refused := 0
	for _, e := range endpoints() {
		if e.method == http.MethodGet || e.method == http.MethodHead || strings.HasSuffix(e.path, "/metrics") {
			continue
		}
		r := httptest.NewRequest(e.method, strings.NewReplacer("{", "", "}", "").Replace(e.path), strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+reader)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "ForbiddenException") {
			t.Errorf("%s %s: %d %s", e.method, e.path, w.Code, w.Body)
		}
		refused++
	}
	// Each is a series of its own, by its endpoint and not by its path.
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].GetMetric()) != refused {
		t.Errorf("the metrics are %v, %v: want %d series of one", families, err, refused)
	}
	if refused != 14 {
		t.Errorf("%d calls change something, want 14: is a new one missing here?", refused)
	}
}
