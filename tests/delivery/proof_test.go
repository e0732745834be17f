package delivery_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"

	_ "github.com/mattn/go-sqlite3" // the catalog
	s3 "github.com/minio/minio-go/v7"
)

// figures say what a fault came to.
type figures struct {
	Acknowledged int     // objects that the store took
	Lost         int     // of those, without an entry in the ledger
	Doubled      int     // ledger entries beyond one of an object version
	Missing      int     // rows that bronze gives and a table has not
	Excess       int     // rows that a table has and bronze does not give
	Heal         float64 // seconds from the end of the fault until every object was in silver and gold
	Note         string
}

// whole tells whether nothing is lost and nothing doubled.
func (f figures) whole() bool { return f.Lost+f.Doubled+f.Missing+f.Excess == 0 && f.Acknowledged > 0 }

// versions lists all object versions in bronze, acknowledged or not.
func (l *lab) versions(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{}
	for o := range l.Client().ListObjectsIter(ctx, bucket, s3.ListObjectsOptions{Prefix: "bronze/", Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return nil, o.Err
		}
		all[catalog.Version(o.Key, o.VersionID)] = true
	}
	return all, nil
}

// prove waits until everything in bronze has its entry and gold has caught up, and then counts what is wrong. healing is
// the end of the fault. A load must have ended.
func (l *lab) prove(t testing.TB, ld *harness.Load, healing time.Time) (f figures) {
	t.Helper()
	f.Acknowledged = ld.Count()
	var bronze map[string]bool
	harness.Eventually(t, "bronze can be listed", func() (ok bool) {
		var err error
		bronze, err = l.versions(t.Context())
		return err == nil
	})
	for _, key := range ld.Recent(0) {
		if !bronze[key] {
			f.Lost++ // by the store itself
			t.Errorf("%s was acknowledged and is not in bronze", key)
		}
	}
	var entries map[string]int
	missing, last := 0, error(nil)
	for deadline := time.Now().Add(harness.Patience); ; time.Sleep(50 * time.Millisecond) {
		if entries, last = l.ledger(t); last == nil {
			missing = 0
			for key := range bronze {
				if entries[key] == 0 {
					missing++
				}
			}
			behind, err := l.goldBehind(t)
			if last = err; err == nil && missing == 0 && behind == 0 {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Errorf("not healed after %s: %d of %d objects have no entry in the ledger (%v)", harness.Patience, missing, len(bronze), last)
			break
		}
	}
	f.Heal = time.Since(healing).Seconds()
	for _, key := range ld.Recent(0) {
		if entries[key] == 0 {
			f.Lost++
		}
	}
	for key, n := range entries {
		f.Doubled += n - 1
		if !bronze[key] {
			f.Doubled++
			t.Errorf("the ledger knows %s, which is not in bronze", key)
		}
	}
	f.Missing, f.Excess = l.check(t)
	if !f.whole() {
		t.Errorf("something is lost or doubled: %+v", f)
	}
	return f
}

// check has the reactor prove the tables, and counts the rows that differ.
func (l *lab) check(t testing.TB) (missing, excess int) {
	t.Helper()
	r := l.RunWithin(t, time.Hour, "check", "--output", "json", "--memory", "1GiB") // after a soak it takes minutes
	for _, v := range harness.Verdicts(t, r, r.Code) {
		missing, excess = missing+v.Missing, excess+v.Excess
		if !v.Equal {
			t.Errorf("%s is not what bronze gives: %d rows missing, %d in excess", v.Table, v.Missing, v.Excess)
		}
	}
	if r.Code != 0 {
		t.Errorf("reactor check: %s", r)
	}
	return missing, excess
}

// flows waits until n more objects got through: the lake works, before a fault or between two.
func (l *lab) flows(t testing.TB, ld *harness.Load, n int) {
	t.Helper()
	before, put := 0, ld.Count()
	if entries, err := l.ledger(t); err == nil {
		before = len(entries)
	}
	harness.Eventually(t, fmt.Sprintf("%d more objects get through", n), func() bool {
		entries, err := l.ledger(t)
		return err == nil && len(entries) >= before+n && ld.Count() >= put+n
	})
}
