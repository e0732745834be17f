// Package reconcile lists bronze, and finds the object versions that no event ever brought. It compares keys and versions with the
// ledger and uses no last-modified cursor, which clock jumps would fool.
package reconcile

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

// Objects lists the object versions in bronze below prefix ("" for everything), sorted by key, without those that bronze.Ignored
// names, and without links whose original is gone. A listing says the same about an object as its event did, so the identity is the
// same.
func Objects(ctx context.Context, b bucket.Bucket, prefix string) iter.Seq2[event.Object, error] {
	return unbroken(ctx, b, listed(ctx, b, prefix))
}

func listed(ctx context.Context, b bucket.Bucket, prefix string) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		if !strings.HasPrefix(prefix, "bronze/") {
			prefix = "bronze/"
		}
		ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine when the caller stops early
		defer cancel()
		for o := range b.Client.ListObjectsIter(ctx, b.Name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
			if o.Err != nil {
				yield(event.Object{}, fmt.Errorf("list %s/%s: %w", b.Name, prefix, o.Err))
				return
			}
			if o.IsDeleteMarker || bronze.Ignored(o.Key) != "" {
				continue
			}
			if !yield(object(b.Name, o), nil) {
				return
			}
		}
	}
}

func object(bucket string, o minio.ObjectInfo) event.Object {
	version := o.VersionID
	if version == "" {
		version = event.NoVersion
	}
	return event.Object{
		Bucket: bucket, Key: o.Key, Version: version,
		ModifiedAt: o.LastModified.UTC().Truncate(time.Millisecond), ETag: strings.Trim(o.ETag, `"`), Size: o.Size,
	}.AsOriginal()
}

// Selection selects a part of bronze. The zero value selects all of it.
type Selection struct {
	Dataset  string // source/dataset
	From, To bronze.Day
	Key      string
}

// Select yields the object versions of a selection.
func Select(ctx context.Context, b bucket.Bucket, s Selection) iter.Seq2[event.Object, error] {
	return Wanted(Objects(ctx, b, s.Prefix()), s.Holds)
}

// Wanted yields the objects for which keep returns true.
func Wanted(objects iter.Seq2[event.Object, error], keep func(event.Object) bool) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		for o, err := range objects {
			if err != nil || keep(o) {
				if !yield(o, err) || err != nil {
					return
				}
			}
		}
	}
}

// Prefix returns the common prefix of the selection's keys.
func (s Selection) Prefix() string {
	switch {
	case s.Key != "":
		return s.Key
	case s.Dataset != "":
		return "bronze/" + s.Dataset + "/"
	}
	return "bronze/"
}

// Holds tells whether an object belongs to the selection. A range of days excludes objects whose key has no day.
func (s Selection) Holds(o event.Object) bool {
	if s.Key != "" && o.Key != s.Key {
		return false
	}
	if s.Dataset == "" && s.From.IsZero() && s.To.IsZero() {
		return true
	}
	k, err := bronze.ParseKey(o.Key)
	if err != nil || (s.Dataset != "" && k.Source+"/"+k.Dataset != s.Dataset) {
		return false
	}
	if s.From.IsZero() && s.To.IsZero() {
		return true
	}
	if k.IngestDate.IsZero() {
		return false
	}
	return (s.From.IsZero() || !k.IngestDate.Before(s.From)) && (s.To.IsZero() || !s.To.Before(k.IngestDate))
}
