package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/infra/minio"
	"millrace/ingestor/bronze"
	"millrace/reactor/reconcile"
	"millrace/tests/harness"
)

// listedObjects is the number of objects that a benchmark lists.
const listedObjects = 20_000

// A pass of the reconciler lists bronze. What matters is what a link costs there beside a plain object: nothing tells of its original but
// the store.
func BenchmarkObjects(b *testing.B) {
	client, err := harness.Store(b, nil).Client()
	if err != nil {
		b.Fatal(err)
	}
	const name = "lakehouse"
	if err := minio.EnsureBucket(b.Context(), client, name); err != nil {
		b.Fatal(err)
	}
	put := func(key, body string) s3.UploadInfo {
		info, err := client.PutObject(b.Context(), name, key, strings.NewReader(body), int64(len(body)), s3.PutObjectOptions{})
		if err != nil {
			b.Error(err)
		}
		return info
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var g errgroup.Group
	g.SetLimit(16)
	for i := range listedObjects {
		g.Go(func() error {
			put(fmt.Sprintf("bronze/shop/plain/ingest_date=2026-01-01/%05d.json", i), "{}")
			info := put(fmt.Sprintf("exports/%02d/%05d.json", i%20, i), "{}")
			put(bronze.LinkKey("shop/linked", bronze.DayOf(at), bronze.Original{StoredAt: at.Add(time.Duration(i) * time.Second), Key: info.Key, Size: 2, Version: info.VersionID}), "")
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	for _, dataset := range []string{"plain", "linked"} {
		b.Run(dataset, func(b *testing.B) {
			for b.Loop() {
				n := 0
				for _, err := range reconcile.Objects(b.Context(), bucket.Bucket{Client: client, Name: name}, "bronze/shop/"+dataset+"/") {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != listedObjects {
					b.Fatalf("%d objects are listed, want %d", n, listedObjects)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/listedObjects, "µs/object")
		})
	}
}
