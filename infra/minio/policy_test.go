package minio

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allowed reads a policy as MinIO does, as far as these policies go: exact actions or s3:*, resources with a * at the end.
func allowed(t *testing.T, user, action, resource string) bool {
	t.Helper()
	text, err := Policy(user, "lakehouse")
	if err != nil {
		t.Fatal(err)
	}
	var p policy
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	says := map[string]bool{} // by effect
	for _, s := range p.Statement {
		if !slices.Contains(s.Action, action) && !slices.Contains(s.Action, "s3:*") {
			continue
		}
		for _, r := range s.Resource {
			r = strings.TrimPrefix(r, "arn:aws:s3:::")
			if matches(r, resource) {
				says[s.Effect] = true
			}
		}
	}
	return says["Allow"] && !says["Deny"]
}

// matches reads a pattern as MinIO does: * is any text, slashes included, and ? one character.
func matches(pattern, resource string) bool {
	form := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + form + "$").MatchString(resource)
}

func TestPoliciesGiveNoMoreThanTheJobNeeds(t *testing.T) {
	const bronze, silver, gold = "lakehouse/bronze/a/b/ingest_date=2026-01-31/a.json", "lakehouse/silver/t/f.parquet", "lakehouse/gold/t/f.parquet"
	tests := []struct {
		action, resource string
		may              []string
	}{
		{"s3:PutObject", bronze, []string{UserOwner, UserIngestor}},
		{"s3:PutObject", "lakehouse/bronze/a/b/ingest_date=2026-01-31/a.ndjson.gz", []string{UserOwner, UserIngestor}},
		{"s3:PutObject", "lakehouse/bronze/a.json", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/bronze/a/b", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/bronze/a/b/ingest_date=2026-01-31", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/bronze/a/b/ingest_date=2026-01-31/", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/bronze/a/b/ingest_date=2026-01-31/a.txt", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/bronze/a/b/ingest_date=2026-01-31/link=1-1-v/exports/a.json", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/bronze/a/b/ingest_date=2026-01-31/at=1/a.json", []string{UserOwner}},
		{"s3:GetObject", bronze, []string{UserOwner, UserReactor, UserAnalyst, UserReporter}},
		{"s3:GetObjectVersion", bronze, []string{UserOwner, UserReactor, UserAnalyst, UserReporter}},
		{"s3:DeleteObject", bronze, []string{UserOwner}},
		{"s3:PutObject", silver, []string{UserOwner, UserReactor}},
		{"s3:DeleteObject", gold, []string{UserOwner, UserReactor}},
		{"s3:GetObject", gold, []string{UserOwner, UserReactor, UserAnalyst, UserReporter}},
		{"s3:PutObject", "lakehouse/reports/x.html", []string{UserOwner, UserReporter}},
		{"s3:PutObject", "lakehouse/tables/lab/t/f.parquet", []string{UserOwner, UserReactor}},
		{"s3:DeleteObject", "lakehouse/tables/lab/t/f.parquet", []string{UserOwner, UserReactor}},
		{"s3:PutObject", "lakehouse/tables2/x", []string{UserOwner}},
		{"s3:PutObject", "lakehouse/elsewhere/x", []string{UserOwner}},
		{"s3:GetObject", "lakehouse/elsewhere/x", []string{UserOwner, UserReactor, UserAnalyst, UserReporter}},
		{"s3:PutObject", "other/bronze/a.json", nil},
		{"s3:PutObject", "lakehouse2/bronze/a.json", nil},
		{"s3:ListBucket", "lakehouse", []string{UserOwner, UserReactor, UserAnalyst, UserReporter}},
		{"s3:ListBucketVersions", "lakehouse", []string{UserOwner, UserReactor, UserAnalyst, UserReporter}},
		{"s3:PutBucketNotification", "lakehouse", []string{UserOwner}},
		{"s3:ListBucket", "other", nil},
	}
	for _, tt := range tests {
		for _, user := range Users {
			if got, want := allowed(t, user, tt.action, tt.resource), slices.Contains(tt.may, user); got != want {
				t.Errorf("%s %s %s: %v, want %v", user, tt.action, tt.resource, got, want)
			}
		}
	}
	if _, err := Policy("stranger", "lakehouse"); err == nil {
		t.Error("a stranger got a policy")
	}
}
