package delivery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"

	s3 "github.com/minio/minio-go/v7"
)

// clockFaults leaves behind what a clock that jumps would. It sets no clock, and cannot fake one for these programs: Go asks the
// kernel for the time without libc, so that libfaketime moves DuckDB's and SQLite's clock in the reactor but not the reactor's own.
// A jump shows in the times that it leaves in objects and tables, and a test can write those: MinIO takes an object's time from a
// replicating client, and metadata is a file.
func clockFaults() []fault {
	return []fault{
		{name: "clock jumps: MinIO's, years ahead and back", sees: "nothing; the winner among rows of one key is the object with the latest time, whatever came first",
			inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
				const n = 60
				for i := range n {
					at := time.Now().Add(time.Duration(random.Int64N(int64(10*365*24*time.Hour))) - 5*365*24*time.Hour)
					l.putAt(t, ld, random, 1_000_000+i, at)
				}
				return fmt.Sprintf("%d objects from 5 years ago to 5 years ahead", n)
			}},
		{name: "clock jumps: MinIO's, years ahead, and the events are lost", sees: "the reconciler finds the objects, although they are of the future",
			inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
				const n = 20
				l.store.Stop()
				func() {
					stop := l.runWithoutTargets(t)
					defer stop()
					l.flowsIn(t, ld, 1)
					for i := range n {
						l.putAt(t, ld, random, 1_000_000+i, time.Now().AddDate(1, 0, i))
					}
				}()
				l.startStore(t)
				return fmt.Sprintf("%d objects", n)
			}},
		{name: "clock jumps: the reactor's, a day back", sees: "nothing; the tables' times of the future become the present with the next commit",
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				l.reactor.Stop()
				pointers, err := catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).Pointers)
				if err != nil {
					t.Fatal(err)
				}
				moves := map[string]string{}
				for _, location := range pointers {
					moves[location] = l.dayAhead(t, location)
				}
				if err := catalog.MovePointers(t.Context(), l.Catalog(), moves); err != nil {
					t.Fatal(err)
				}
				l.startReactor(t)
				return fmt.Sprintf("%d tables were committed by a clock a day ahead", len(moves))
			}},
	}
}

// putAt puts object i with a time of its own, as a client that replicates does.
func (l *lab) putAt(t testing.TB, ld *harness.Load, random *rand.Rand, i int, at time.Time) {
	t.Helper()
	key, body, meta := harness.LoadObject(random, i)
	harness.Eventually(t, "an object of "+at.Format(time.DateOnly)+" is put", func() bool {
		info, err := l.Client().PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{
			UserMetadata: meta, Internal: s3.AdvancedPutOptions{SourceMTime: at, ReplicationRequest: true},
		})
		if err != nil {
			return false
		}
		stat, err := l.Client().StatObject(t.Context(), bucket, key, s3.StatObjectOptions{VersionID: info.VersionID})
		if err != nil || stat.LastModified.Sub(at).Abs() > time.Second {
			t.Fatalf("%s is of %s, not of %s: %v", key, stat.LastModified, at, err)
		}
		ld.Acknowledge(key, info.VersionID)
		return true
	})
}

// dayAhead copies a table's metadata as its next version, with all times a day later, and returns where it is.
func (l *lab) dayAhead(t testing.TB, location string) string {
	t.Helper()
	key := strings.TrimPrefix(location, inBucket)
	b, err := l.read(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	later := func(m map[string]any, name string) {
		n, err := m[name].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		m[name] = n + (24 * time.Hour).Milliseconds()
	}
	later(fields, "last-updated-ms")
	for _, list := range []string{"snapshots", "snapshot-log"} {
		entries, _ := fields[list].([]any)
		for _, e := range entries {
			later(e.(map[string]any), "timestamp-ms")
		}
	}
	if b, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	var version int
	if _, err := fmt.Sscanf(path.Base(key), "%05d-", &version); err != nil {
		t.Fatal(err)
	}
	next := fmt.Sprintf("%s/%05d-of-tomorrow.metadata.json", path.Dir(key), version+1)
	if _, err := l.Client().PutObject(t.Context(), bucket, next, bytes.NewReader(b), int64(len(b)), s3.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	return inBucket + next
}
