package minio

import (
	"context"
	"fmt"
	"slices"

	s3 "github.com/minio/minio-go/v7"
)

// unversioned are the folders whose files Iceberg names once and its maintenance deletes: a version of each would stay
// for ever. Everything else, bronze above all, keeps every version. (A MinIO extension: other S3 servers need a
// lifecycle rule on noncurrent versions.)
var unversioned = []string{"silver/*", "gold/*", "tables/*"}

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
	if err := client.SetBucketVersioning(ctx, bucket, versioning()); err != nil {
		return fmt.Errorf("make bucket %s versioned: %w", bucket, err)
	}
	return nil
}

func versioning() s3.BucketVersioningConfiguration {
	v := s3.BucketVersioningConfiguration{Status: s3.Enabled}
	for _, prefix := range unversioned {
		v.ExcludedPrefixes = append(v.ExcludedPrefixes, s3.ExcludedPrefix{Prefix: prefix})
	}
	return v
}

// KeepVersioning makes the bucket versioned again when somebody suspended that or changed what is left out, and tells whether
// that was so: an object that is put without versions takes the place of the one before, for ever.
func KeepVersioning(ctx context.Context, client *s3.Client, bucket string) (changed bool, err error) {
	got, err := client.GetBucketVersioning(ctx, bucket)
	if err != nil {
		return false, fmt.Errorf("read the versioning of bucket %s: %w", bucket, err)
	}
	want := versioning()
	if got.Enabled() && !got.ExcludeFolders && slices.Equal(got.ExcludedPrefixes, want.ExcludedPrefixes) {
		return false, nil
	}
	if err := client.SetBucketVersioning(ctx, bucket, want); err != nil {
		return false, fmt.Errorf("make bucket %s versioned again: %w", bucket, err)
	}
	return true, nil
}
