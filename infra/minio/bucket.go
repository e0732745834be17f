package minio

import (
	"context"
	"fmt"

	s3 "github.com/minio/minio-go/v7"
)

// unversioned are the folders whose files Iceberg names once and its maintenance deletes: a version of each would stay
// for ever. Everything else, bronze above all, keeps every version. (A MinIO extension: other S3 servers need a
// lifecycle rule on noncurrent versions.)
var unversioned = []string{"silver/*", "gold/*"}

// EnsureBucket makes the bucket, versioned.
func EnsureBucket(ctx context.Context, client *s3.Client, bucket string) error {
	exists, err := client.BucketExists(ctx, bucket)
	if err != nil {
		return fmt.Errorf("look for bucket %s: %w", bucket, err)
	}
	if !exists {
		if err := client.MakeBucket(ctx, bucket, s3.MakeBucketOptions{}); err != nil {
			return fmt.Errorf("make bucket %s: %w", bucket, err)
		}
	}
	versioning := s3.BucketVersioningConfiguration{Status: "Enabled"}
	for _, prefix := range unversioned {
		versioning.ExcludedPrefixes = append(versioning.ExcludedPrefixes, s3.ExcludedPrefix{Prefix: prefix})
	}
	if err := client.SetBucketVersioning(ctx, bucket, versioning); err != nil {
		return fmt.Errorf("make bucket %s versioned: %w", bucket, err)
	}
	return nil
}
