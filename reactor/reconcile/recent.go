package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
)

// Recent returns the prefixes of the newest days of each dataset in bronze, by ingest date. It takes the last days that exist, not the
// days before today, so that a jump of the clock does not matter.
func Recent(ctx context.Context, b bucket.Bucket, days int) ([]string, error) {
	datasets := []string{bronze.Prefix}
	for range 2 { // source, dataset
		var below []string
		for _, prefix := range datasets {
			folders, err := folders(ctx, b, prefix)
			if err != nil {
				return nil, err
			}
			below = append(below, folders...)
		}
		datasets = below
	}
	var prefixes []string
	for _, dataset := range datasets {
		all, err := folders(ctx, b, dataset)
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, newest(all, days)...)
	}
	return prefixes, nil
}

// newest returns the last of the folders that are days.
func newest(folders []string, days int) []string {
	var dated []string
	for _, folder := range folders {
		if k, err := bronze.ParseKey(folder + "x." + bronze.JSON); err == nil && !k.IngestDate.IsZero() {
			dated = append(dated, folder)
		}
	}
	slices.Sort(dated) // YYYY-MM-DD
	return dated[max(0, len(dated)-days):]
}

func folders(ctx context.Context, b bucket.Bucket, prefix string) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing if it is left early
	defer cancel()
	var found []string
	for o := range b.Client.ListObjectsIter(ctx, b.Name, minio.ListObjectsOptions{Prefix: prefix}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list %s/%s: %w", b.Name, prefix, o.Err)
		}
		if strings.HasSuffix(o.Key, "/") && o.Key != prefix {
			found = append(found, o.Key)
		}
	}
	return found, nil
}
