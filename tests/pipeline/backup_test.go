package pipeline_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/stack"
)

func TestABackupIsRestoredOntoABucketOfAnotherTime(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	r := startReactor(t, s)
	put := func(key string, body []byte) s3.UploadInfo {
		t.Helper()
		info := s.Put(t, key, body, about("bitcoin", "d1"))
		s.Wait(t, key)
		return info
	}
	put(assetsKey("a.json"), assets(day(time.June, 1), asset("bitcoin", "1", "1"), asset("tether", "1", "2"), `{"id":"broken","priceUsd":"-1"}`))
	first := put(historyKey("bitcoin_d1_a.json"), points(point(day(time.May, 1), "4"), point(day(time.May, 2), "5")))
	dir := filepath.Join(t.TempDir(), "backup")
	reactor(t, s, "backup", dir)
	var m struct {
		Bucket string
		Ledger int
		Tables map[string]struct {
			Metadata string
			Snapshot int64
			Rows     int
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Bucket != s.Bucket() || m.Ledger != 2 || len(m.Tables) != 7 || m.Tables["silver.asset_prices"].Rows != 2 {
		t.Fatalf("the manifest: %v\n%s", err, text)
	}
	then := current(t, s)
	put(assetsKey("b.json"), assets(day(time.June, 2), asset("bitcoin", "3", "1")))
	put(historyKey("bitcoin_d1_b.json"), points(point(day(time.May, 2), "5.5"), point(day(time.May, 3), "6")))
	want := map[string]string{}
	tables := append(append([]string{}, silverTables...), goldTables...)
	for _, table := range tables {
		want[table] = contents(t, s, table)
	}
	fails := func(what, says string, args ...string) {
		t.Helper()
		before := pointers(t, s)
		if r := s.Run(t, "reactor", args...); r.Code != 1 || !strings.Contains(r.Stderr, says) {
			t.Errorf("%s: want exit code 1 and %q: %s", what, says, r)
		}
		if after := pointers(t, s); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: it changed the catalog all the same", what)
		}
	}
	fails("a backup into a folder that has something", "not empty", "backup", dir)
	fails("a backup of PostgreSQL", "pg_dump", "backup", filepath.Join(t.TempDir(), "x"), "--catalog", "postgres://nobody:secret@127.0.0.1:1/x")
	fails("beside a reactor", "a reactor is running", "restore", dir)
	fails("of another bucket", "the bucket", "restore", dir, "--bucket", "other")

	// restored restores the backup, starts a reactor and has all as it was.
	stop := func() {
		t.Helper()
		if end := r.Stop(t); end.Code != 0 {
			t.Fatalf("the reactor did not stop in order: %s", end)
		}
	}
	restored := func(what string, states map[string]string) {
		t.Helper()
		got := map[string]string{}
		for _, row := range rows[struct{ Table, State string }](t, s, "restore", dir) {
			got[row.Table] = row.State
		}
		if !maps.Equal(got, states) {
			t.Errorf("%s: tables are %v, want %v", what, got, states)
		}
		for name, id := range current(t, s) {
			if got[name] == "behind" && id != then[name] {
				t.Errorf("%s: %s is at %d, the backup at %d", what, name, id, then[name])
			}
		}
		r = startReactor(t, s)
		stack.Eventually(t, what+": the reconciler finds what the ledger does not know", func() bool {
			reactor(t, s, "reconcile") // only objects of some age count; and the start takes events of the last minutes for ones on their way
			return len(ledger(t, s)) == 4
		})
		settled(t, s)
		for _, table := range tables {
			if got := contents(t, s, table); got != want[table] {
				t.Errorf("%s: %s is other than before:\n%s", what, table, difference(want[table], got))
			}
		}
		checkEqual(t, s)
	}
	states := map[string]string{"silver.rejected": "ok"}
	for _, table := range tables {
		if table != "silver.rejected" {
			states[table] = "behind"
		}
	}
	stop()
	restored("a bucket that is newer", states)
	for table, id := range then {
		if id != 0 && !slices.ContainsFunc(snapshots(t, s, table), func(s snapshot) bool { return s.Snapshot == id }) {
			t.Errorf("%s has lost snapshot %d of the backup", table, id)
		}
	}
	if former, _ := filepath.Glob(s.Catalog() + ".before-restore-*"); len(former) != 1 {
		t.Errorf("the former catalog is kept as %v", former)
	}

	// The bucket has not what the backup names: expired since, or a copy of an earlier time.
	stop()
	remove := func(key, version string) {
		t.Helper()
		if err := s.Client().RemoveObject(t.Context(), s.Bucket(), key, s3.RemoveObjectOptions{VersionID: version}); err != nil {
			t.Fatal(err)
		}
	}
	remove(strings.TrimPrefix(m.Tables["silver.asset_prices"].Metadata, "s3://lakehouse/"), "")
	for o := range s.Client().ListObjects(t.Context(), s.Bucket(), s3.ListObjectsOptions{Prefix: "gold/rankings/data/", Recursive: true}) {
		remove(o.Key, "")
	}
	states["silver.asset_prices"], states["gold.rankings"] = "rebuild", "rebuild"
	restored("a bucket that lacks files", states)

	stop()
	remove(historyKey("bitcoin_d1_a.json"), first.VersionID)
	fails("a bronze that lacks objects", "bitcoin_d1_a.json", "restore", dir)
	db := filepath.Join(dir, "catalog.db")
	if err := os.Truncate(db, 5000); err != nil {
		t.Fatal(err)
	}
	fails("a backup that was cut short", "cut short", "restore", dir)
}
