package minio_test

import (
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/minio"
	"millrace/tests/harness"
)

// Who suspends versions loses what is overwritten, and nothing says so.
func TestVersioningThatWasSuspendedIsSetAgain(t *testing.T) {
	client, err := harness.Store(t, nil).Client()
	if err != nil {
		t.Fatal(err)
	}
	const bucket = "lakehouse"
	if err := minio.EnsureBucket(t.Context(), client, bucket); err != nil {
		t.Fatal(err)
	}
	keep := func(what string, want bool) {
		t.Helper()
		if changed, err := minio.KeepVersioning(t.Context(), client, bucket); err != nil || changed != want {
			t.Fatalf("%s: changed is %v, want %v (%v)", what, changed, want, err)
		}
		got, err := client.GetBucketVersioning(t.Context(), bucket)
		if err != nil || !got.Enabled() || len(got.ExcludedPrefixes) != 3 {
			t.Fatalf("%s: versioning is %+v, %v", what, got, err)
		}
	}
	keep("as it was made", false)
	if err := client.SuspendVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	keep("suspended", true)
	if err := client.SetBucketVersioning(t.Context(), bucket, s3.BucketVersioningConfiguration{Status: s3.Enabled, ExcludedPrefixes: []s3.ExcludedPrefix{{Prefix: "bronze/*"}}}); err != nil {
		t.Fatal(err)
	}
	keep("bronze left out", true)
	keep("set again", false)
}
