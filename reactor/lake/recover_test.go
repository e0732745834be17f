package lake_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

func TestRecoverTellsALostCatalogFromATornCommit(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	l := open(t, s)
	a := name(t, "a")
	leave := func(version int) {
		key := fmt.Sprintf("%s/a/metadata/%05d-left.metadata.json", t.Name(), version)
		if _, err := s.Client().PutObject(t.Context(), s.Bucket(), key, strings.NewReader("{}"), 2, s3.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	recovered := func() string {
		t.Helper()
		r, err := l.Foresee(t.Context(), a, name(t, "b"), name(t, "not-there-yet"))
		if err == nil {
			err = l.Recover(t.Context(), r)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Whole != (r.Because != "") {
			t.Errorf("a catalog that is older than the lake is forgotten as a whole: %+v", r)
		}
		return r.Because
	}
	if reason := recovered(); reason != "" {
		t.Errorf("a new lake is taken for a lost one: %s", reason)
	}
	leave(1) // of a commit that was killed before its pointer moved
	if reason := recovered(); reason != "" {
		t.Errorf("a torn commit is taken for a lost catalog: %s", reason)
	}
	leave(2)
	if reason := recovered(); !strings.Contains(reason, "metadata 2, the catalog names 0") {
		t.Errorf("two commits ahead of the catalog: %q", reason)
	}
	if v := view(t, l); len(v.Tables) != 0 {
		t.Errorf("the old pointers are still there: %v", v.Tables)
	}
	if err := l.Create(t.Context(), lake.Definition{Name: a, Schema: schema, Spec: byMonth}); err != nil {
		t.Fatal(err)
	}
	if version, _, err := l.Version(t.Context(), a); err != nil || version != 3 {
		t.Errorf("the new table has metadata %d, %v: want one above what was there", version, err)
	}
	if reason := recovered(); reason != "" {
		t.Errorf("a recovered lake is recovered again: %s", reason)
	}
}

func TestRecoverRefusesABucketWithoutTheTables(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	l := open(t, s)
	for o := range s.Client().ListObjectsIter(t.Context(), s.Bucket(), s3.ListObjectsOptions{Prefix: t.Name() + "/", Recursive: true, WithVersions: true}) {
		if err := errors.Join(o.Err, s.Client().RemoveObject(t.Context(), s.Bucket(), o.Key, s3.RemoveObjectOptions{VersionID: o.VersionID})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Foresee(t.Context(), name(t, "a")); err == nil || !strings.Contains(err.Error(), "is it the right bucket") {
		t.Errorf("a catalog is forgotten because its bucket is another one: %v", err)
	}
}

func TestSetAsideTakesOnlyWhatSQLiteCannotRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.db")
	address := "sqlite://" + file
	set := func() string {
		t.Helper()
		kept, err := lake.SetAside(t.Context(), address, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	if kept := set(); kept != "" {
		t.Errorf("no file was moved to %s", kept)
	}
	l, err := lake.Open(t.Context(), nil, "b", address)
	if err != nil {
		t.Fatal(err)
	}
	if kept := set(); kept != "" {
		t.Errorf("a good catalog was moved to %s", kept)
	}
	if err := l.Replaced(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("garbage", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := set()
	if kept != file+".broken-19700101T000000Z" {
		t.Errorf("the broken catalog was moved to %q", kept)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if err := l.Replaced(); !errors.Is(err, lake.ErrCatalogReplaced) {
		t.Errorf("a catalog that is gone is still the one that was opened: %v", err)
	}
}
