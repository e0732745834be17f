package reconcile

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

const (
	// linksAtOnce is the number of objects of a listing that are held while the originals of links among them are looked for.
	linksAtOnce = 256
	// askers look for them side by side.
	askers = 16
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

// unbroken leaves out of a listing the links whose original is gone: an object without its bytes is as good as deleted. It asks for
// each original, because nothing tells of what happens outside of bronze.
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

func wholes(ctx context.Context, b bucket.Bucket, objects []event.Object) ([]bool, error) {
	there := make([]bool, len(objects))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askers)
	for i, o := range objects {
		g.Go(func() (err error) {
			there[i], err = whole(ctx, b, o.Key)
			return err
		})
	}
	return there, g.Wait()
}
