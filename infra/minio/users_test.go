package minio

import (
	"net/http"
	"strings"
	"testing"
)

func TestImportedReadsWhatMinIORefused(t *testing.T) {
	tests := []struct{ name, answer, err string }{
		{"nothing", `{"skipped":{},"removed":{},"added":{"policies":["p"],"users":["user"],"userPolicies":[{"user":["p"]}]},"failed":{}}`, ""},
		{"a user", `{"added":{},"failed":{"users":[{"name":"v","error":{}}]}}`, "refused users v"},
		{"an assignment", `{"added":{"userPolicies":[{"nobody":["p"]}]},"failed":{"userPolicies":[{"name":"u","policies":["absent"],"error":{}}]}}`, "refused userPolicies u"},
		{"two", `{"failed":{"users":[{"name":"v"}],"policies":[{"name":"p"}]}}`, "refused policies p, users v"},
		{"another server's answer", `<html>`, "read MinIO's answer"},
		{"no answer", ``, "read MinIO's answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := imported([]byte(tt.answer))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error is %v, want %q", err, tt.err)
			}
		})
	}
}

func TestRefusalReadsWhatMinIOSays(t *testing.T) {
	tests := []struct{ name, answer, code, message string }{
		{"its own interface", `{"Code":"AccessDenied","Message":"Access Denied.","Resource":"/minio/admin/v3/x"}`, "AccessDenied", "Access Denied."},
		{"S3", `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce.</Message></Error>`, "SlowDown", "Reduce."},
		{"nothing", "", "Forbidden", `the answer is ""`},
		{"something else", "<html>", "Forbidden", `the answer is "<html>"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := refusal(http.StatusForbidden, []byte(tt.answer))
			if said.Code != tt.code || said.Message != tt.message || said.StatusCode != http.StatusForbidden {
				t.Errorf("read as %+v", said)
			}
		})
	}
}
