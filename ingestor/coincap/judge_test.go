package coincap

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	const none = Kind(-1)
	list := `{"data":[]}`
	farewell := `{"data":{"message":"We are deprecating this version"},"timestamp":1}`
	tests := []struct {
		name    string
		status  int
		body    string
		readErr error
		want    Kind
		retried bool
	}{
		{"list", 200, list, nil, none, false},
		{"no data", 404, `{"error":"x"}`, nil, none, false},
		{"no data, opaque", 404, "nope", nil, none, false},
		{"bad request", 400, `{"error":"interval is required"}`, nil, BadRequest, false},
		{"no key", 401, "", nil, KeyRefused, false},
		{"forbidden", 403, "<html>", nil, KeyRefused, false},
		{"no credits", 402, `{"error":"Payment Required"}`, nil, CreditsUsed, false},
		{"rate", 429, `{"error":"slow down"}`, nil, RateLimited, true},
		{"farewell with 429", 429, farewell, nil, Farewell, false},
		{"farewell with 200", 200, farewell, nil, Farewell, false},
		{"timeout", 408, "", nil, ServerError, true},
		{"broken", 500, "oops", nil, ServerError, true},
		{"bad gateway", 502, "<html>", nil, ServerError, true},
		{"error cut short", 503, "oo", io.ErrUnexpectedEOF, ServerError, true},
		{"redirect", 301, "", nil, Unexpected, false},
		{"no content", 204, "", nil, Unexpected, false},
		{"page", 200, "<html>", nil, NotJSON, false},
		{"asset for a list", 200, `{"data":{"id":"x"}}`, nil, NotList, false},
		{"connection ends", 200, `{"data":[`, io.ErrUnexpectedEOF, Truncated, true},
		{"connection ends after the JSON", 200, list, io.ErrUnexpectedEOF, Truncated, true},
		{"JSON ends", 200, `{"data":[`, nil, Truncated, true},
		{"large", 200, strings.Repeat(" ", 101), nil, TooLarge, false},
		{"large error page", 500, strings.Repeat(" ", 101), nil, TooLarge, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(tt.status, []byte(tt.body), tt.readErr, 100, &Envelope{})
			if tt.want == none {
				if got != nil {
					t.Fatalf("failed: %v", got)
				}
				return
			}
			if got == nil || got.Kind != tt.want {
				t.Fatalf("got %v, want %q", got, tt.want)
			}
			if got.Kind.Retryable() != tt.retried {
				t.Errorf("retried is %v, want %v", !tt.retried, tt.retried)
			}
		})
	}
}

func TestOnlyWhatPassesByItselfIsRetried(t *testing.T) {
	for kind := range Kind(len(kindNames)) {
		want := kind == RateLimited || kind == ServerError || kind == Unreachable || kind == Truncated || kind == OtherDays
		if kind.Retryable() != want {
			t.Errorf("%q: retried is %v", kind, !want)
		}
		failed := &Error{Kind: kind, URL: "https://x.invalid", Status: 418, Detail: "detail", Err: errors.New("cause"), Attempts: 2}
		if text := failed.Error(); hints[kind] == "" || !strings.HasSuffix(text, hints[kind]) || !strings.Contains(text, kind.String()) {
			t.Errorf("%q does not say what to do: %s", kind, text)
		}
	}
}
