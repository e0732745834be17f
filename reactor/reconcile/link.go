package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

const (
	// linksAtOnce is the number of objects of a listing that are held while the originals of links among them are looked for, some 2 MB.
	linksAtOnce = 4096
	// askers look for them side by side.
	askers = 16
	// perLink bounds how many objects are listed to find one link's original: to ask for it costs as much as to list twenty objects.
	perLink = 8
	// fewLinks are not worth a listing.
	fewLinks = 64
)

// whole tells whether the bytes of an object that is there are there as well: those of a link are its original's.
func whole(ctx context.Context, b bucket.Bucket, key string) (bool, error) {
	if o, _ := bronze.OriginalOf(key); !o.Link() {
		return true, nil
	}
	at, options := bronze.Bytes(key, "")
	_, err := b.Client.StatObject(ctx, b.Name, at, options)
	if bucket.Gone(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find the original of %s: %w", key, err)
	}
	return true, nil
}

// unbroken leaves out of a listing the links whose original is gone: an object without its bytes is as good as deleted. Nothing tells of
// what happens outside of bronze, so it looks for each original.
func unbroken(ctx context.Context, b bucket.Bucket, objects iter.Seq2[event.Object, error]) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		var some []event.Object
		flush := func() bool {
			there, err := wholes(ctx, b, some)
			if err != nil {
				yield(event.Object{}, err)
				return false
			}
			for i, o := range some {
				if there[i] && !yield(o, nil) {
					return false
				}
			}
			some = some[:0]
			return true
		}
		for o, err := range objects {
			if err != nil {
				yield(o, err)
				return
			}
			original, _ := bronze.OriginalOf(o.Key)
			if len(some) == 0 && !original.Link() {
				if !yield(o, nil) {
					return
				}
				continue
			}
			if some = append(some, o); len(some) == linksAtOnce && !flush() {
				return
			}
		}
		flush()
	}
}

// wholes tells which objects are there with their bytes. Originals that a listing shows are there; it asks for the others one by one: an
// object may be hidden from listings, and where the bucket keeps no versions a listing does not tell which bytes are meant.
func wholes(ctx context.Context, b bucket.Bucket, objects []event.Object) ([]bool, error) {
	there := make([]bool, len(objects))
	var wanted originals
	for i, o := range objects {
		original, _ := bronze.OriginalOf(o.Key)
		if there[i] = !original.Link(); !there[i] && original.Version != event.NoVersion {
			wanted = append(wanted, wantedOriginal{original.Key, original.Version, i})
		}
	}
	if err := wanted.list(ctx, b, there); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askers)
	for i, o := range objects {
		if there[i] {
			continue
		}
		g.Go(func() (err error) {
			there[i], err = whole(ctx, b, o.Key)
			return err
		})
	}
	return there, g.Wait()
}

// wantedOriginal is the original of a link, and the link's place among the objects.
type wantedOriginal struct {
	key, version string
	at           int
}

type originals []wantedOriginal

// list lists the folder that has all of them, and marks those that it sees as there. It ends early when they lie far from each other.
func (w originals) list(ctx context.Context, b bucket.Bucket, there []bool) error {
	if len(w) < fewLinks {
		return nil
	}
	slices.SortFunc(w, func(x, y wantedOriginal) int { return cmp.Compare(x.key, y.key) })
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	first, last := w[0].key, w[len(w)-1].key
	n, listed := 0, 0
	most := perLink * len(w)
	options := minio.ListObjectsOptions{Prefix: common(first, last), StartAfter: before(first), Recursive: true, WithVersions: true, MaxKeys: min(most, 1000)}
	for o := range b.Client.ListObjectsIter(ctx, b.Name, options) {
		if o.Err != nil {
			return fmt.Errorf("list the originals of links in %s/%s: %w", b.Name, options.Prefix, o.Err)
		}
		for n < len(w) && w[n].key < o.Key {
			n++
		}
		if listed++; n == len(w) || listed > most {
			return nil
		}
		for i := n; i < len(w) && w[i].key == o.Key; i++ {
			if w[i].version == o.VersionID && !o.IsDeleteMarker {
				there[w[i].at] = true
			}
		}
	}
	return nil
}

// common is the folder that two keys are in.
func common(a, b string) string {
	n := 0
	for i := 0; i < min(len(a), len(b)) && a[i] == b[i]; i++ {
		if a[i] == '/' {
			n = i + 1
		}
	}
	return a[:n]
}

// before is a text shortly before a key in the order of listings.
func before(key string) string {
	_, last := utf8.DecodeLastRuneInString(key)
	return key[:len(key)-last]
}
