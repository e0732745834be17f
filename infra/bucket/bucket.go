// Package bucket is one bucket of an object store, together with the client that reaches it: whoever works with objects is
// given both at once, and cannot mix up two stores.
package bucket

import (
	"context"
	"fmt"

	"github.com/minio/minio-go/v7"
)

// Bucket is a bucket and its client; safe for concurrent use.
type Bucket struct {
	Client *minio.Client
	Name   string
}

// There returns an error when the store does not answer or has no such bucket.
func (b Bucket) There(ctx context.Context) error {
	ok, err := b.Client.BucketExists(ctx, b.Name)
	if err != nil {
		return fmt.Errorf("look for the bucket %s: %w", b.Name, err)
	}
	if !ok {
		return fmt.Errorf("there is no bucket %s", b.Name)
	}
	return nil
}

// Gone tells whether an error of a request for an object version says that it is not there any more. MethodNotAllowed is
// the answer for a version that is a delete marker, PreconditionFailed for one that another object has replaced.
func Gone(err error) bool {
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey, "NoSuchVersion", "MethodNotAllowed", minio.PreconditionFailed:
		return true
	}
	return false
}
