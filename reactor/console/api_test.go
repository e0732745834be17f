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
	w := httptest.NewRecorder()
	New(Config{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
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
