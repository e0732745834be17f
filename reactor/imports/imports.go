package imports

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
)

// writers put links and copies side by side.
const writers = 16

// Import makes the files of a place bronze of a dataset. What is there already is left alone, so a run that was interrupted goes on.
type Import struct {
	Bucket  bucket.Bucket // the lake's, by credentials that may write bronze
	Dataset string        // source/dataset
	From    Place
	// Link registers the files where they are; they must be objects of the lake's bucket. Else they are copied.
	Link bool
	// StoredAt, unless zero, is taken for the time of all files, in place of their own.
	StoredAt time.Time
	// DryRun counts, and writes nothing.
	DryRun bool
	// Now is the present.
	Now time.Time
	// Progress is called with the number of files just done.
	Progress func(int)
}

// Imported is what became of a place's files.
type Imported struct {
	Files   int   // that are data
	New     int   // of these: links or copies that were made
	There   int   // of these: that were there
	Bytes   int64 // of the new ones' originals
	Passed  int   // files that are no data
	Because string
	Before  map[string]bool // keys of the dataset's imported objects that were there
}

// Run imports. With an error it returns what is done so far.
func (i Import) Run(ctx context.Context) (Imported, error) {
	var done Imported
	there, err := i.there(ctx)
	if err != nil {
		return done, err
	}
	done.Before = there
	var mu sync.Mutex
	count := func(f File, made bool) {
		mu.Lock()
		defer mu.Unlock()
		if made {
			done.New, done.Bytes = done.New+1, done.Bytes+f.Original.Size
		} else {
			done.There++
		}
		i.Progress(1)
	}
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for f, err := range i.From.Files(working) {
		if err != nil {
			return done, cmp.Or(g.Wait(), err) // the listing ends with the first file that failed
		}
		if why := i.noData(f); why != "" {
			if done.Passed++; done.Because == "" {
				done.Because = f.Path + ": " + why
			}
			continue
		}
		done.Files++
		key, err := i.key(&f)
		if err != nil {
			return done, cmp.Or(g.Wait(), err)
		}
		if there[key] || i.DryRun {
			count(f, !there[key])
			continue
		}
		g.Go(func() error {
			made, err := i.put(working, key, f)
			if err == nil {
				count(f, made)
			}
			return err
		})
		if working.Err() != nil {
			break
		}
	}
	return done, g.Wait()
}

// there returns the keys of the dataset's imported objects.
func (i Import) there(ctx context.Context) (map[string]bool, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	keys := map[string]bool{}
	prefix := bronze.Prefix + i.Dataset + "/"
	for o := range i.Bucket.Client.ListObjectsIter(ctx, i.Bucket.Name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list %s/%s: %w", i.Bucket.Name, prefix, bucket.Refusal(o.Err))
		}
		if _, imported := bronze.OriginalOf(o.Key); imported {
			keys[o.Key] = true
		}
	}
	return keys, nil
}

// noData says why a file brings no data, "" if it does.
func (i Import) noData(f File) string {
	key := bronze.Prefix + i.Dataset + "/" + f.Path
	if why := bronze.Ignored(key); why != "" {
		return why
	}
	if _, err := bronze.ParseKey(key); err != nil {
		return "its name ends in none of .json, .json.gz, .ndjson, .ndjson.gz, .parquet"
	}
	return ""
}

// longest is the length of a key that S3 takes.
const longest = 1024

// key returns the key of the file's link or copy, which follows from the file alone.
func (i Import) key(f *File) (string, error) {
	if !i.StoredAt.IsZero() {
		f.Original.StoredAt = i.StoredAt.UTC().Truncate(time.Millisecond)
	}
	at := f.Original.StoredAt
	if at.After(i.Now) || bronze.DayOf(at).IsZero() || at.UnixMilli() == 0 {
		return "", fmt.Errorf("import %s: it is of %s: say when it was stored by --stored-at", f.Path, at.Format(time.RFC3339))
	}
	day := bronze.DayOf(at)
	for part := range strings.SplitSeq(f.Original.Key+"/"+f.Path, "/") {
		if text, ok := strings.CutPrefix(part, "ingest_date="); ok {
			if said, err := bronze.ParseDay(text); err == nil {
				day = said
			}
		}
	}
	key := bronze.CopyKey(i.Dataset, day, at, f.Path)
	if i.Link {
		key = bronze.LinkKey(i.Dataset, day, f.Original)
	}
	if len(key) > longest {
		return "", fmt.Errorf("import %s: its key in bronze would have %d bytes, and S3 takes %d: import a shorter folder, or rename it", f.Path, len(key), longest)
	}
	return key, nil
}

// put writes a link or a copy, unless there is one.
func (i Import) put(ctx context.Context, key string, f File) (made bool, err error) {
	body := io.NopCloser(bytes.NewReader(nil))
	var options minio.PutObjectOptions
	var size int64
	if !i.Link {
		if body, options.UserMetadata, err = i.From.Open(ctx, f); err != nil {
			return false, fmt.Errorf("import %s: %w", f.Path, err)
		}
		size = f.Original.Size
	}
	defer func() { _ = body.Close() }()
	options.SetMatchETagExcept("*")
	_, err = i.Bucket.Client.PutObject(ctx, i.Bucket.Name, key, body, size, options)
	switch {
	case err == nil:
		return true, nil
	case minio.ToErrorResponse(err).Code == minio.PreconditionFailed:
		return false, nil
	}
	return false, fmt.Errorf("import %s: put %s: %w", f.Path, key, bucket.Refusal(err))
}
