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

// backedUp is a lake with a backup, and what came after it.
type backedUp struct {
	*harness.Stack
	dir      string // of the backup
	manifest manifest
	then     map[string]int64  // the tables' snapshots when the backup was made
	want     map[string]string // contents of all tables, from before anything went wrong
	reactor  *harness.Reactor
}

// manifest is what the test reads of manifest.json.
type manifest struct {
	Bucket string
	Ledger int
	Tables map[string]struct {
		Metadata string
		Snapshot int64
		Rows     int
	}
}

func TestABackupIsRestoredOntoABucketOfAnotherTime(t *testing.T) {
	b, first := newBackedUp(t)
	b.fails(t, "a backup into a folder that has something", "not empty", "backup", b.dir)
	b.fails(t, "a backup of PostgreSQL", "pg_dump", "backup", filepath.Join(t.TempDir(), "x"), "--catalog", "postgres://nobody:secret@127.0.0.1:1/x")
	b.fails(t, "beside a reactor", "a reactor is running", "restore", b.dir)
	b.fails(t, "of another bucket", "the bucket", "restore", b.dir, "--bucket", "other")

	states := map[string]string{"silver.rejected": "ok"}
	for _, table := range harness.Tables {
		if table != "silver.rejected" {
			states[table] = "behind"
		}
	}
	b.reactor.StopInOrder(t)
	b.restored(t, "a bucket that is newer", states)
	for table, id := range b.then {
		if id != 0 && !slices.ContainsFunc(b.Snapshots(t, table), func(s harness.Snapshot) bool { return s.Snapshot == id }) {
			t.Errorf("%s has lost snapshot %d of the backup", table, id)
		}
	}
	if former, _ := filepath.Glob(b.Catalog() + ".before-restore-*"); len(former) != 1 {
		t.Errorf("the former catalog is kept as %v", former)
	}

	// The bucket lacks files that the backup names: expired since, or a copy of an earlier time.
	b.reactor.StopInOrder(t)
	b.Remove(t, strings.TrimPrefix(b.manifest.Tables["silver.asset_prices"].Metadata, "s3://lakehouse/"), "")
	for _, o := range b.Objects(t, "gold/rankings/data/") {
		b.Remove(t, o.Key, "")
	}
	states["silver.asset_prices"], states["gold.rankings"] = "rebuild", "rebuild"
	b.restored(t, "a bucket that lacks files", states)

	b.reactor.StopInOrder(t)
	b.Remove(t, coin.HistoryKey("bitcoin_d1_a.json"), first)
	b.fails(t, "a bronze that lacks objects", "bitcoin_d1_a.json", "restore", b.dir)
	if err := os.Truncate(filepath.Join(b.dir, "catalog.db"), 5000); err != nil {
		t.Fatal(err)
	}
	b.fails(t, "a backup that was cut short", "cut short", "restore", b.dir)
}

// newBackedUp puts two objects, makes the backup and puts two more. first is the version of the first history.
func newBackedUp(t *testing.T) (b *backedUp, first string) {
	t.Helper()
	b = &backedUp{Stack: harness.Start(t, harness.WithoutReactor()), dir: filepath.Join(t.TempDir(), "backup")}
	b.reactor = b.StartReactor(t)
	put := func(key string, body []byte) string {
		return b.PutAndWait(t, key, body, coin.About("bitcoin", "d1")).VersionID
	}
	put(coin.AssetsKey("a.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1"), coin.Asset("tether", "1", "2"), `{"id":"broken","priceUsd":"-1"}`))
	first = put(coin.HistoryKey("bitcoin_d1_a.json"), coin.Points(coin.Point(coin.Day(time.May, 1), "4"), coin.Point(coin.Day(time.May, 2), "5")))
	b.Reactor(t, "backup", b.dir)
	text, err := os.ReadFile(filepath.Join(b.dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(text, &b.manifest)
	}
	if m := b.manifest; err != nil || m.Bucket != b.Bucket() || m.Ledger != 2 || len(m.Tables) != 7 || m.Tables["silver.asset_prices"].Rows != 2 {
		t.Fatalf("the manifest: %v\n%s", err, text)
	}
	b.then = b.Current(t)
	put(coin.AssetsKey("b.json"), coin.Assets(coin.Day(time.June, 2), coin.Asset("bitcoin", "3", "1")))
	put(coin.HistoryKey("bitcoin_d1_b.json"), coin.Points(coin.Point(coin.Day(time.May, 2), "5.5"), coin.Point(coin.Day(time.May, 3), "6")))
	b.want = b.Contents(t, harness.Tables...)
	return b, first
}

// fails runs a command that has to be refused and may not touch the catalog.
func (b *backedUp) fails(t *testing.T, what, says string, args ...string) {
	t.Helper()
	before := b.Pointers(t)
	if r := b.Run(t, "reactor", args...); r.Code != 1 || !strings.Contains(r.Stderr, says) {
		t.Errorf("%s: want exit code 1 and %q: %s", what, says, r)
	}
	if after := b.Pointers(t); !maps.Equal(after, before) {
		t.Errorf("%s: it changed the catalog all the same", what)
	}
}

// restored restores the backup, starts a reactor and wants everything as it was.
func (b *backedUp) restored(t *testing.T, what string, states map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, row := range harness.Rows[struct{ Table, State string }](t, b, "restore", b.dir) {
		got[row.Table] = row.State
	}
	if !maps.Equal(got, states) {
		t.Errorf("%s: tables are %v, want %v", what, got, states)
	}
	for name, id := range b.Current(t) {
		if got[name] == "behind" && id != b.then[name] {
			t.Errorf("%s: %s is at %d, the backup at %d", what, name, id, b.then[name])
		}
	}
	b.reactor = b.StartReactor(t)
	harness.Eventually(t, what+": the reconciler finds what the ledger does not know", func() bool {
		b.Reactor(t, "reconcile") // only objects of some age count; and the start takes events of the last minutes for ones on their way
		return len(b.Ledger(t)) == 4
	})
	b.Settled(t)
	b.SameContents(t, what, b.want)
	b.CheckEqual(t)
}
