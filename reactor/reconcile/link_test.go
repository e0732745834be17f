package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/infra/minio"
	"millrace/ingestor/bronze"
	"millrace/reactor/reconcile"
	"millrace/tests/harness"
)

// Many links are looked for by a listing of their originals, and few by a request each. Both leave out those whose original is gone for
// good, and none else: neither an overwritten original, nor one with a delete marker, nor one that another object hides from listings.
func TestLinksWhoseOriginalIsGoneAreLeftOut(t *testing.T) {
	client, err := harness.Store(t, nil).Client()
	if err != nil {
		t.Fatal(err)
	}
	const name = "lakehouse"
	if err := minio.EnsureBucket(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	put := func(key string) string {
		t.Helper()
		info, err := client.PutObject(t.Context(), name, key, strings.NewReader("{}"), 2, s3.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return info.VersionID
	}
	remove := func(key, version string) {
		t.Helper()
		if err := client.RemoveObject(t.Context(), name, key, s3.RemoveObjectOptions{VersionID: version}); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{20, 100} {
		dataset := fmt.Sprintf("shop/of%d", n)
		folder, at := "exports "+dataset, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var want []string
		for i := range n {
			key := fmt.Sprintf("%s/%02d ÿ/%05d.json", folder, i%7, i)
			version := put(key)
			link := bronze.LinkKey(dataset, bronze.DayOf(at), bronze.Original{StoredAt: at.Add(time.Duration(i) * time.Second), Key: key, Size: 2, Version: version})
			put(link)
			switch i % 10 {
			case 1:
				put(key) // overwritten
			case 2:
				remove(key, "")
			case 3:
				remove(key, version)
				continue
			case 4:
				put(key)
				remove(key, version)
				continue
			}
			want = append(want, link)
		}
		put(folder + "/05 ÿ") // hides the folder of that name
		put("bronze/" + dataset + "/ingest_date=2026-01-01/plain.json")
		want = append(want, "bronze/"+dataset+"/ingest_date=2026-01-01/plain.json")
		var got []string
		for o, err := range reconcile.Objects(t.Context(), bucket.Bucket{Client: client, Name: name}, "bronze/"+dataset+"/") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("of %d links %d are listed, want %d", n, len(got), len(want))
			for _, key := range want {
				if !slices.Contains(got, key) {
					t.Errorf("%s is left out", key)
				}
			}
		}
	}
}
