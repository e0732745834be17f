// Package imports makes objects and files that exist already bronze of a dataset: those of the lake's own bucket by links, where they
// are, and all others by copies. Each link or copy has the time of its original. It also registers Parquet files as an Iceberg table.
package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
)

// File is an object or a file of a place.
type File struct {
	Path     string // below the place, with slashes
	Original bronze.Original
}

// Place is where files are.
type Place interface {
	// Files lists them.
	Files(ctx context.Context) iter.Seq2[File, error]
	// Open reads one of them; metadata are those that the store keeps with it.
	Open(ctx context.Context, f File) (body io.ReadCloser, metadata map[string]string, err error)
}

// Split reads the address of a place in a bucket, such as s3://lakehouse/exports/2024/. ok is false for other places.
func Split(place string) (bucketName, prefix string, ok bool) {
	rest, ok := strings.CutPrefix(place, "s3://")
	bucketName, prefix, _ = strings.Cut(rest, "/")
	return bucketName, strings.Trim(prefix, "/"), ok
}

// Objects are those of a bucket: below a folder, or a single one.
type Objects struct {
	Bucket  bucket.Bucket
	Foreign bool   // it is not the lake's bucket
	Prefix  string // without slashes at its ends; "" for the whole bucket
}

// Files lists the newest version of each object. It leaves out objects whose key only begins like the folder's name.
func (p Objects) Files(ctx context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
		defer cancel()
		for o := range p.Bucket.Client.ListObjectsIter(ctx, p.Bucket.Name, minio.ListObjectsOptions{Prefix: p.Prefix, Recursive: true, WithVersions: true}) {
			if o.Err != nil {
				yield(File{}, fmt.Errorf("list s3://%s/%s: %w", p.Bucket.Name, p.Prefix, p.refusal(o.Err)))
				return
			}
			below, in := p.below(o.Key)
			if !in || !o.IsLatest || o.IsDeleteMarker {
				continue
			}
			original := bronze.Original{
				StoredAt: o.LastModified.UTC().Truncate(time.Millisecond), Key: o.Key, Size: o.Size, Version: o.VersionID, ETag: strings.Trim(o.ETag, `"`),
			}
			if original.Version == "" {
				original.Version = "null"
			}
			if !yield(File{below, original}, nil) {
				return
			}
		}
	}
}

// refusal says whose keys open the bucket, if the store refuses these.
func (p Objects) refusal(err error) error {
	refused := bucket.Refusal(err)
	if !p.Foreign || !bucket.IsRefusal(refused) {
		return refused
	}
	return fmt.Errorf("%w: --from-access-key and --from-secret-key are for the keys of another bucket", err)
}

func (p Objects) below(key string) (string, bool) {
	if p.Prefix == "" {
		return key, true
	}
	if key == p.Prefix {
		return path.Base(key), true
	}
	return strings.CutPrefix(key, p.Prefix+"/")
}

// Open fetches an object.
func (p Objects) Open(ctx context.Context, f File) (io.ReadCloser, map[string]string, error) {
	options := minio.GetObjectOptions{}
	if f.Original.Version != "null" {
		options.VersionID = f.Original.Version
	}
	body, info, _, err := minio.Core{Client: p.Bucket.Client}.GetObject(ctx, p.Bucket.Name, f.Original.Key, options)
	if err != nil {
		return nil, nil, fmt.Errorf("fetch s3://%s/%s: %w", p.Bucket.Name, f.Original.Key, p.refusal(err))
	}
	return body, info.UserMetadata, nil
}

// Folder is a folder of this machine, or a single file.
type Folder string

// Files walks through the folder. It follows no links to folders.
func (p Folder) Files(context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		err := filepath.WalkDir(string(p), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := os.Stat(file)
			if err != nil || !info.Mode().IsRegular() {
				return err
			}
			below, err := filepath.Rel(string(p), file)
			if err != nil {
				return err
			}
			if below == "." { // the place is this file
				below = filepath.Base(file)
			}
			if !yield(File{filepath.ToSlash(below), bronze.Original{StoredAt: info.ModTime().UTC().Truncate(time.Millisecond), Size: info.Size()}}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(File{}, fmt.Errorf("read the folder: %w", err))
		}
	}
}

// errEnough ends a walk whose caller wants no more.
var errEnough = errors.New("enough")

// Open opens a file.
func (p Folder) Open(_ context.Context, f File) (io.ReadCloser, map[string]string, error) {
	file := filepath.Join(string(p), filepath.FromSlash(f.Path))
	if info, err := os.Stat(string(p)); err == nil && !info.IsDir() {
		file = string(p)
	}
	body, err := os.Open(file)
	return body, nil, err
}
