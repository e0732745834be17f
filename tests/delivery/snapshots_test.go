package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
)

// watchSnapshots begins to note the snapshots of all tables. The function that it returns waits until gold has caught up, or the last
// object's snapshot would count for those after it, and tells how many each table has got since. It leaves out those
// whose operation is replace: upkeep makes them, they change no row, and they come as often as they please.
//
// A table keeps its last 20 snapshots at least. Some three come in a second, so a look every two seconds misses none.
func (l *lab) watchSnapshots(t testing.TB) (made func(testing.TB) map[string]int) {
	t.Helper()
	before, err := l.operations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	since := map[string]map[int64]bool{}
	note := func(t testing.TB) {
		now, err := l.operations(t.Context())
		if err != nil {
			t.Errorf("note the snapshots: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		for table, operations := range now {
			for id, operation := range operations {
				if _, old := before[table][id]; !old && operation != "replace" {
					if since[table] == nil {
						since[table] = map[int64]bool{}
					}
					since[table][id] = true
				}
			}
		}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Second):
				note(t)
			}
		}
	}()
	return func(t testing.TB) map[string]int {
		t.Helper()
		harness.Eventually(t, "gold has caught up", func() bool { n, err := l.goldBehind(t); return err == nil && n == 0 })
		close(stop)
		<-done
		note(t)
		counts := map[string]int{}
		for table, ids := range since {
			counts[table] = len(ids)
		}
		if counts["silver.asset_snapshots"] == 0 {
			t.Fatalf("no snapshot of silver was seen: %v", counts)
		}
		return counts
	}
}

// operations reads the operation of each snapshot that the tables have, by table and snapshot.
func (l *lab) operations(ctx context.Context) (map[string]map[int64]string, error) {
	pointers, err := catalog.Look(ctx, l.Catalog(), (*catalog.Catalog).Pointers)
	if err != nil {
		return nil, err
	}
	all := map[string]map[int64]string{}
	for table, location := range pointers {
		text, err := l.read(ctx, location)
		if err != nil {
			return nil, err
		}
		var metadata struct {
			Snapshots []struct {
				ID      int64 `json:"snapshot-id"`
				Summary struct{ Operation string }
			}
		}
		if err := json.Unmarshal(text, &metadata); err != nil {
			return nil, fmt.Errorf("read %s: %w", location, err)
		}
		all[table] = map[int64]string{}
		for _, s := range metadata.Snapshots {
			all[table][s.ID] = s.Summary.Operation
		}
	}
	return all, nil
}

// inBucket is the prefix of the locations of a table's files.
const inBucket = "s3://" + bucket + "/"

// read reads a file of a table.
func (l *lab) read(ctx context.Context, location string) ([]byte, error) {
	o, err := l.Client().GetObject(ctx, bucket, location[len(inBucket):], s3.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", location, err)
	}
	defer func() { _ = o.Close() }() // read only
	var text bytes.Buffer
	if _, err := io.Copy(&text, o); err != nil {
		return nil, fmt.Errorf("read %s: %w", location, err)
	}
	return text.Bytes(), nil
}
