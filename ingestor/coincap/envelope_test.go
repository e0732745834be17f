package coincap

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadEnvelope(t *testing.T) {
	const ok = Kind(-1)
	tests := []struct {
		name, body string
		kind       Kind
		items      int
		says       string
	}{
		{"v3", `{"timestamp":1,"data":[{"id":"bitcoin"},{}]}`, ok, 2, ""},
		{"timestamp last", `{"data":[1],"timestamp":1}`, ok, 1, ""},
		{"no timestamp", "{\n \"data\" : [ ] }\n", ok, 0, ""},
		{"odd rows", `{"data":[null,"x",{"id":1,"id":2},"` + "\xff" + `"],"timestamp":"soon","more":{}}`, ok, 4, ""},
		{"empty", "", Truncated, 0, "empty"},
		{"blank", " \n", Truncated, 0, "empty"},
		{"cut in a row", `{"data":[{"id":"bit`, Truncated, 0, "after 19 bytes"},
		{"cut before the end", `{"data":[{"id":"bitcoin"}]`, Truncated, 0, "in the middle"},
		{"page", "<!DOCTYPE html>\n<title>Sign in</title>", NotJSON, 0, "<!DOCTYPE html> <title>"},
		{"two documents", `{"data":[]}{"data":[]}`, NotJSON, 0, "after the end"},
		{"text after", `{"data":[]} ok`, NotJSON, 0, "after the end"},
		{"list without envelope", `[{"id":"bitcoin"}]`, NotList, 0, "no object with data"},
		{"single asset", `{"data":{"id":"bitcoin"}}`, NotList, 0, "data is no list"},
		{"no data", `{"timestamp":1}`, NotList, 0, "has no data"},
		{"null", `{"data":null}`, NotList, 0, "data is no list"},
		{"error", `{"error":"bad interval","timestamp":1}`, NotList, 0, "bad interval"},
		{"farewell", `{"data":{"message":"We are deprecating this version"},"timestamp":1}`, Farewell, 0, "We are deprecating this version"},
		{"deep", `{"data":[` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `]}`, NotJSON, 0, "begins"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			envelope, err := ReadEnvelope([]byte(tt.body))
			if tt.kind == ok {
				if err != nil || envelope.Items != tt.items {
					t.Fatalf("%d items, %v", envelope.Items, err)
				}
				return
			}
			var failed *Error
			if !errors.As(err, &failed) || failed.Kind != tt.kind || !strings.Contains(failed.Detail, tt.says) {
				t.Fatalf("error %v, want kind %q and %q", err, tt.kind, tt.says)
			}
			if strings.ContainsAny(failed.Detail, "\n\x00") || len(failed.Detail) > 300 {
				t.Errorf("the detail does not fit into a line: %q", failed.Detail)
			}
		})
	}
}

func TestEnvelopeTellsItsTime(t *testing.T) {
	envelope, err := ReadEnvelope([]byte(`{"timestamp":1775474489690,"data":[]}`))
	if err != nil || envelope.Timestamp != 1775474489690 {
		t.Errorf("%+v, %v", envelope, err)
	}
}

// What passes must be what an independent reader also finds to be an envelope, and nothing may bring the check down.
func FuzzReadEnvelope(f *testing.F) {
	for _, seed := range []string{`{"data":[{"id":"bitcoin"}],"timestamp":1}`, `{"data":{"message":"gone"}}`, `[1]`, "", `{"data":[`, `{"data":[]}]`, "{\"data\":[\"\xff\"]}", `{"timestamp":1e999,"data":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, err := ReadEnvelope(body)
		if err != nil {
			var failed *Error
			if !errors.As(err, &failed) || failed.Detail == "" {
				t.Fatalf("error without kind or detail: %v", err)
			}
			return
		}
		if !utf8.Valid(body) || strings.Count(string(body), `data`) > 1 {
			return // encoding/json differs on purpose: it takes the last of two names, and folds their case
		}
		var other struct {
			Data []json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(body, &other); err == nil && len(other.Data) != envelope.Items {
			t.Fatalf("%d items, encoding/json finds %d in %q", envelope.Items, len(other.Data), body)
		}
		if !json.Valid(body) {
			t.Fatalf("not JSON, but taken: %q", body)
		}
	})
}
