package reconcile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

// Presence is the object that a version of a key is now.
type Presence struct {
	Object event.Object
	// exact: ModifiedAt has milliseconds. The answer to a request for an object has seconds, a listing has more.
	exact bool
}

// Is tells whether it is the object that was put at a time. A version is one object for ever; in a bucket without versions
// another object may have taken the key since.
func (p Presence) Is(at time.Time) bool {
	if p.Object.Version != event.NoVersion {
		return true
	}
	if !p.exact {
		at = at.Truncate(time.Second)
	}
	return p.Object.ModifiedAt.Equal(at)
}

// Present asks for a version of a key, and does not look for it in a listing: an object whose key is a folder of others hides
// them from listings. It is not there when the version was deleted, or when its key brings no data.
func Present(ctx context.Context, b bucket.Bucket, key, version string) (p Presence, there bool, err error) {
	if bronze.Ignored(key) != "" {
		return p, false, nil
	}
	info, err := b.Client.StatObject(ctx, b.Name, key, minio.StatObjectOptions{VersionID: version})
	if bucket.Gone(err) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("look for %s version %s: %w", key, version, err)
	}
	// The version is the one that was asked for: a bucket without versions says nothing about it.
	p.Object = event.Object{
		Bucket: b.Name, Key: key, Version: version, ModifiedAt: info.LastModified.UTC(), ETag: strings.Trim(info.ETag, `"`), Size: info.Size,
	}
	if version != event.NoVersion {
		return p, true, nil
	}
	for o, err := range Objects(ctx, b, key) {
		if err != nil {
			return p, false, err
		}
		if o.Key == key && o.Version == version {
			p.Object.ModifiedAt, p.exact = o.ModifiedAt, true
		}
		if o.Key != key || p.exact {
			break
		}
	}
	return p, true, nil
}

// Cover returns the key of the object that hides another one from listings: a key that is a folder of the other's. It is ""
// when there is none.
func Cover(ctx context.Context, b bucket.Bucket, key string) (string, error) {
	for at, c := range key {
		if c != '/' || at < len(bronze.Prefix) {
			continue
		}
		there, err := AnyVersion(ctx, b, key[:at])
		if err != nil || there {
			return key[:at], err
		}
	}
	return "", nil
}

// AnyVersion tells whether there is a version of a key, or a delete marker: that hides what is below just as well.
func AnyVersion(ctx context.Context, b bucket.Bucket, key string) (bool, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	for o := range b.Client.ListObjectsIter(ctx, b.Name, minio.ListObjectsOptions{Prefix: key, WithVersions: true, MaxKeys: 1}) {
		if o.Err != nil {
			return false, fmt.Errorf("list the versions of %s/%s: %w", b.Name, key, o.Err)
		}
		return o.Key == key, nil // the first key that begins so is the key itself
	}
	return false, nil
}
