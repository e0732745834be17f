package console

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

// document is the API's description as the console serves it.
func document(t *testing.T) []byte {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/openapi.json", nil)
	r.RemoteAddr = "127.0.0.1:1"
	New(Config{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
	var b bytes.Buffer
	if err := json.Indent(&b, w.Body.Bytes(), "", " "); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return append(bytes.TrimSpace(b.Bytes()), '\n')
}

// docs/openapi.json is for those who read the API without a running lake, and shows in a diff how the API changes.
func TestGeneratedOpenAPIIsInTheDocuments(t *testing.T) {
	const file = "../../docs/openapi.json"
	now := document(t)
	if *update {
		if err := os.WriteFile(file, now, 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(kept, now) {
		t.Errorf("docs/openapi.json is not what the console serves (%v): `go tool task docs` writes it anew", err)
	}
}

func TestTheAPIIsDescribedInWords(t *testing.T) {
	var d struct {
		Paths map[string]map[string]struct {
			Summary    string
			Parameters []struct{ Name, In, Description string }
		}
	}
	if err := json.Unmarshal(document(t), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Paths) < 20 {
		t.Errorf("%d addresses", len(d.Paths))
	}
	for path, methods := range d.Paths {
		for method, of := range methods {
			if !strings.HasSuffix(of.Summary, ".") {
				t.Errorf("%s %s says nothing of itself: %q", method, path, of.Summary)
			}
			for _, p := range of.Parameters {
				if p.In == "query" && !strings.HasSuffix(p.Description, ".") {
					t.Errorf("%s %s says nothing of %s", method, path, p.Name)
				}
			}
		}
	}
}

// tests/security tries each of them without a token, with a wrong one, with an analyst's, and from another site: add a new one there.
func TestWhatChangesSomethingIsTriedByTheTestsOfSecurity(t *testing.T) {
	tried, err := os.ReadFile("../../tests/security/console_test.go")
	if err != nil {
		t.Fatal(err)
	}
	actions := New(Config{Log: slog.New(slog.DiscardHandler)}).Actions()
	if len(actions) < 6 {
		t.Errorf("the actions are %q", actions)
	}
	for _, path := range actions {
		if !strings.Contains(string(tried), `"`+path+`"`) {
			t.Errorf("tests/security/console_test.go does not try %s", path)
		}
	}
}
