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

// Presence holds the object that a version of a key has now.
type Presence struct {
	Object event.Object
	// exact tells that ModifiedAt has milliseconds. A HEAD request returns seconds only, a listing more.
	exact bool
}

// Is tells whether it is the object that was put at a time. A version is one object for ever. In a bucket without versions another
// object may have replaced it.
func (p Presence) Is(at time.Time) bool {
	if p.Object.Version != event.NoVersion {
		return true
	}
	if !p.exact {
		at = at.Truncate(time.Second)
	}
	return p.Object.ModifiedAt.Equal(at)
}

// Present asks the store for a version of a key. It does not list, because an object whose key is a folder of others hides them from
// listings. there is false if the version was deleted, or if the key is not one of data.
func Present(ctx context.Context, b bucket.Bucket, key, version string) (p Presence, there bool, err error) {
	if bronze.Ignored(key) != "" {
		return p, false, nil
	}
	info, err := b.Client.StatObject(ctx, b.Name, key, minio.StatObjectOptions{VersionID: version})
	if err == nil {
		there, err = whole(ctx, b, key)
	}
	if bucket.Gone(err) || err == nil && !there {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("find %s version %s: %w", key, version, err)
	}
	// Set the version that was asked for: a bucket without versions does not return one.
	p.Object = event.Object{
		Bucket: b.Name, Key: key, Version: version, ModifiedAt: info.LastModified.UTC(), ETag: strings.Trim(info.ETag, `"`), Size: info.Size,
	}.AsOriginal()
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

// Find asks the bucket's listing for the version of an object in bronze, and for the newest one of its key where it names none. It returns
// what a listing says of it, so an event that is made of that has the listing's identity. there is false if the version was deleted.
func Find(ctx context.Context, b bucket.Bucket, o event.Object) (found event.Object, there bool, err error) {
	for found, err := range Objects(ctx, b, o.Key) {
		switch {
		case err != nil:
			return o, false, err
		case found.Key != o.Key: // a key is the first with itself as prefix
			return o, false, nil
		case o.Version == event.NoVersion || found.Version == o.Version:
			return found, true, nil
		}
	}
	return o, false, nil
}

// Cover returns the key of the object that hides another one from listings, because it is a folder of the other's key. It returns ""
// if there is none.
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

// AnyVersion tells whether a key has a version or a delete marker. A delete marker hides the objects below it too.
func AnyVersion(ctx context.Context, b bucket.Bucket, key string) (bool, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	for o := range b.Client.ListObjectsIter(ctx, b.Name, minio.ListObjectsOptions{Prefix: key, WithVersions: true, MaxKeys: 1}) {
		if o.Err != nil {
			return false, fmt.Errorf("list the versions of %s/%s: %w", b.Name, key, o.Err)
		}
		return o.Key == key, nil // if the key exists, it is the first with this prefix
	}
	return false, nil
}
