package market

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/tables"
)

// Origin tells where the prices of a lake come from.
type Origin struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket

	mu   sync.Mutex
	made bool
	at   time.Time
}

const (
	// originKept is how long an answer is good: each page asks.
	originKept = 10 * time.Second
	// originPatience bounds what a page waits for it.
	originPatience = time.Second
)

// Synthetic tells whether the prices are made up, as far as it is known: while the store is away the last answer holds.
func (o *Origin) Synthetic(ctx context.Context) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.at) < originKept {
		return o.made
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), originPatience)
	defer cancel()
	if made, err := o.synthetic(ctx); err == nil {
		o.made = made
	}
	o.at = time.Now()
	return o.made
}

// synthetic tells whether the metadata of the last object of any dataset say so.
func (o *Origin) synthetic(ctx context.Context) (bool, error) {
	for _, name := range tables.Silver() {
		table, _ := silver.CutName(name)
		last, err := o.Lake.Latest(ctx, table, time.Time{}, 1)
		if err != nil {
			return false, err
		}
		for _, e := range last {
			info, err := o.Bucket.Client.StatObject(ctx, o.Bucket.Name, e.SourceKey, minio.StatObjectOptions{VersionID: e.SourceVersion})
			if bucket.Gone(err) {
				continue
			}
			if err != nil {
				return false, fmt.Errorf("look at %s: %w", e.SourceKey, err)
			}
			for name, value := range info.UserMetadata {
				if strings.EqualFold(name, bronze.MetaSynthetic) && value == "true" {
					return true, nil
				}
			}
		}
	}
	return false, nil
}
