package market

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/silver"
	"millrace/reactor/tables"
)

// synthetic tells whether the prices are made up: whether the metadata of the last object of any dataset says so.
func (p *Pages) synthetic(ctx context.Context) (bool, error) {
	for _, name := range tables.Silver() {
		table, _ := silver.CutName(name)
		last, err := p.lake.Latest(ctx, table, time.Time{}, 1)
		if err != nil {
			return false, err
		}
		for _, e := range last {
			info, err := p.bucket.Client.StatObject(ctx, p.bucket.Name, e.SourceKey, minio.StatObjectOptions{VersionID: e.SourceVersion})
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
