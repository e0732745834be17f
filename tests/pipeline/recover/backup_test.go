package recover_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

func TestABackupIsRestoredOntoABucketOfAnotherTime(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	s.PutAndWait(t, coin.AssetsKey("a.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1"), coin.Asset("tether", "1", "2"), `{"id":"broken","priceUsd":"-1"}`), coin.About("bitcoin", "d1"))
	first := s.PutAndWait(t, coin.HistoryKey("bitcoin_d1_a.json"), coin.Points(coin.Point(coin.Day(time.May, 1), "4"), coin.Point(coin.Day(time.May, 2), "5")), coin.About("bitcoin", "d1"))
	dir := filepath.Join(t.TempDir(), "backup")
	s.Reactor(t, "backup", dir)
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
	then := s.Current(t)
	s.PutAndWait(t, coin.AssetsKey("b.json"), coin.Assets(coin.Day(time.June, 2), coin.Asset("bitcoin", "3", "1")), coin.About("bitcoin", "d1"))
	s.PutAndWait(t, coin.HistoryKey("bitcoin_d1_b.json"), coin.Points(coin.Point(coin.Day(time.May, 2), "5.5"), coin.Point(coin.Day(time.May, 3), "6")), coin.About("bitcoin", "d1"))
	want := s.Contents(t, harness.Tables...)
	fails := func(what, says string, args ...string) {
		t.Helper()
		before := s.Pointers(t)
		if r := s.Run(t, "reactor", args...); r.Code != 1 || !strings.Contains(r.Stderr, says) {
			t.Errorf("%s: want exit code 1 and %q: %s", what, says, r)
		}
		if after := s.Pointers(t); !maps.Equal(after, before) {
			t.Errorf("%s: it changed the catalog all the same", what)
		}
	}
	fails("a backup into a folder that has something", "not empty", "backup", dir)
	fails("a backup of PostgreSQL", "pg_dump", "backup", filepath.Join(t.TempDir(), "x"), "--catalog", "postgres://nobody:secret@127.0.0.1:1/x")
	fails("beside a reactor", "a reactor is running", "restore", dir)
	fails("of another bucket", "the bucket", "restore", dir, "--bucket", "other")

	// restored restores the backup, starts a reactor and has all as it was.
	restored := func(what string, states map[string]string) {
		t.Helper()
		got := map[string]string{}
		for _, row := range harness.Rows[struct{ Table, State string }](t, s, "restore", dir) {
			got[row.Table] = row.State
		}
		if !maps.Equal(got, states) {
			t.Errorf("%s: tables are %v, want %v", what, got, states)
		}
		for name, id := range s.Current(t) {
			if got[name] == "behind" && id != then[name] {
				t.Errorf("%s: %s is at %d, the backup at %d", what, name, id, then[name])
			}
		}
		r = s.StartReactor(t)
		harness.Eventually(t, what+": the reconciler finds what the ledger does not know", func() bool {
			s.Reactor(t, "reconcile") // only objects of some age count; and the start takes events of the last minutes for ones on their way
			return len(s.Ledger(t)) == 4
		})
		s.Settled(t)
		s.SameContents(t, what, want)
		s.CheckEqual(t)
	}
	states := map[string]string{"silver.rejected": "ok"}
	for _, table := range harness.Tables {
		if table != "silver.rejected" {
			states[table] = "behind"
		}
	}
	r.StopInOrder(t)
	restored("a bucket that is newer", states)
	for table, id := range then {
		if id != 0 && !slices.ContainsFunc(s.Snapshots(t, table), func(s harness.Snapshot) bool { return s.Snapshot == id }) {
			t.Errorf("%s has lost snapshot %d of the backup", table, id)
		}
	}
	if former, _ := filepath.Glob(s.Catalog() + ".before-restore-*"); len(former) != 1 {
		t.Errorf("the former catalog is kept as %v", former)
	}

	// The bucket has not what the backup names: expired since, or a copy of an earlier time.
	r.StopInOrder(t)
	s.Remove(t, strings.TrimPrefix(m.Tables["silver.asset_prices"].Metadata, "s3://lakehouse/"), "")
	for _, o := range s.Objects(t, "gold/rankings/data/") {
		s.Remove(t, o.Key, "")
	}
	states["silver.asset_prices"], states["gold.rankings"] = "rebuild", "rebuild"
	restored("a bucket that lacks files", states)

	r.StopInOrder(t)
	s.Remove(t, coin.HistoryKey("bitcoin_d1_a.json"), first.VersionID)
	fails("a bronze that lacks objects", "bitcoin_d1_a.json", "restore", dir)
	db := filepath.Join(dir, "catalog.db")
	if err := os.Truncate(db, 5000); err != nil {
		t.Fatal(err)
	}
	fails("a backup that was cut short", "cut short", "restore", dir)
}
