package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
)

const (
	// cacheBytes bounds the bytes of immutable objects (manifests, small data files) kept in memory.
	cacheBytes = 12 << 20
	// wholeObject is the size up to which an object is read in one request and kept. A data file of 12 columns takes 17 requests if
	// iceberg-go reads it by ranges, and one if it is read whole.
	wholeObject = 8 << 20
	// documentBytes bounds the metadata files that are kept for those who load tables over HTTP. They have a memory of their own: fifty
	// loads a second must not take the manifests out of the reactor's.
	documentBytes = 16 << 20
	// partSize is the size of a part of a multipart upload. It is also what an open writer of a large file holds in memory.
	partSize = 8 << 20
)

// Store is the object storage of the lake: whole-object reads with a bounded cache, and puts. The lake uses each name once, so what
// is cached never goes stale.
type Store struct {
	client    *minio.Client
	folder    *Folder // for file: addresses, nil for none
	cache     *recent[[]byte]
	documents *recent[[]byte] // metadata files, uncompressed
}

// NewStore makes a store over a client.
func NewStore(client *minio.Client) *Store {
	weigh := func(path string, b []byte) int { return len(path) + cap(b) }
	return &Store{client: client, cache: newRecent(cacheBytes, weigh), documents: newRecent(documentBytes, weigh)}
}

// split cuts "s3://bucket/key".
func split(path string) (bucket, key string, err error) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "s3://"), "s3a://"), "/")
	if !ok || bucket == "" || key == "" {
		return "", "", fmt.Errorf("%q is no s3://bucket/key", path)
	}
	return bucket, key, nil
}

// open reads a small object whole and a large one by ranges.
func (s *Store) open(ctx context.Context, path string) (*object, error) {
	if b, ok := s.cache.get(path); ok {
		return inMemory(path, b), nil
	}
	if isFile(path) {
		b, err := s.folder.read(path)
		return inMemory(path, b), err
	}
	bucket, key, err := split(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	// Core, because the client's own GetObject asks for the size first, which makes two requests of one.
	body, info, _, err := minio.Core{Client: s.client}.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, pathError("open", path, err)
	}
	if info.Size > wholeObject {
		if err := body.Close(); err != nil {
			return nil, pathError("open", path, err)
		}
		o, err := s.client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
		if err != nil {
			return nil, pathError("open", path, err)
		}
		return &object{ReadSeeker: o, ReaderAt: o, close: o.Close, name: path, size: info.Size}, nil
	}
	b, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, pathError("read", path, err)
	}
	s.keep(path, b)
	return inMemory(path, b), nil
}

// read returns the bytes of an object. They are shared: do not change them.
func (s *Store) read(ctx context.Context, path string) ([]byte, error) {
	o, err := s.open(ctx, path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(o)
	if err = errors.Join(err, o.Close()); err != nil {
		return nil, pathError("read", path, err)
	}
	return b, nil
}

// fetch returns the bytes of a metadata file and does not keep them.
func (s *Store) fetch(ctx context.Context, path string) ([]byte, error) {
	if b, ok := s.cache.get(path); ok {
		return b, nil
	}
	if isFile(path) {
		return s.folder.read(path)
	}
	bucket, key, err := split(path)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	body, info, _, err := minio.Core{Client: s.client}.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, pathError("read", path, err)
	}
	if info.Size > largestMetadata {
		return nil, errors.Join(tooLarge(path), body.Close())
	}
	b, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, pathError("read", path, err)
	}
	return b, nil
}

func (s *Store) keep(path string, b []byte) {
	if len(b) <= wholeObject {
		s.cache.set(path, b)
	}
}

func (s *Store) put(ctx context.Context, path string, b []byte) error {
	return s.putFrom(ctx, path, bytes.NewReader(b), int64(len(b)))
}

// putFrom stores what r gives. With size -1 it reads to the end and stores in parts.
func (s *Store) putFrom(ctx context.Context, path string, r io.Reader, size int64) error {
	if isFile(path) {
		return s.folder.write(path, r)
	}
	bucket, key, err := split(path)
	if err != nil {
		return &fs.PathError{Op: "put", Path: path, Err: err}
	}
	// A checksum header would cost a pass over the bytes on both sides. Parquet and Avro carry their own.
	_, err = s.client.PutObject(ctx, bucket, key, r, size, minio.PutObjectOptions{PartSize: partSize, DisableContentSha256: true, DisableMultipart: size >= 0})
	if err != nil {
		return pathError("put", path, err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, path string) error {
	if isFile(path) {
		return s.folder.remove(path)
	}
	bucket, key, err := split(path)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: path, Err: err}
	}
	s.cache.remove(path)
	if err := s.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}); err != nil {
		return pathError("remove", path, err)
	}
	return nil
}

// pathError says which object failed. If the object is not there, the error is fs.ErrNotExist; if this program's keys do not open it, it
// is fs.ErrPermission as well.
func pathError(op, path string, err error) error {
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey:
		err = fs.ErrNotExist
	case minio.AccessDenied:
		err = fmt.Errorf("%w (%w)", bucket.Refusal(err), fs.ErrPermission)
	default:
		err = bucket.Refusal(err)
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
