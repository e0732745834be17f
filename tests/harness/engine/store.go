package engine

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/minio/minio-go/v7"

	"millrace/infra/settings"
)

func init() {
	icebergio.Register("s3", func(ctx context.Context, at *url.URL, p map[string]string) (icebergio.IO, error) {
		client, err := settings.S3{Endpoint: p["endpoint"], AccessKey: p["access-key"], SecretKey: settings.Secret(p["secret-key"]), Region: p["region"]}.Client()
		return &store{context.WithoutCancel(ctx), client, at.Host}, err
	})
}

// store is iceberg-go's way to the files of a bucket. iceberg-go's own would link the clients of three clouds.
type store struct {
	ctx    context.Context
	client *minio.Client
	bucket string
}

func (s *store) key(name string) string { return strings.TrimPrefix(name, "s3://"+s.bucket+"/") }

func (s *store) Open(name string) (icebergio.File, error) {
	o, err := s.client.GetObject(s.ctx, s.bucket, s.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = o.Close() }() // read only
	text, err := io.ReadAll(o)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{bytes.NewReader(text), name}, nil
}

func (s *store) Remove(name string) error {
	return s.client.RemoveObject(s.ctx, s.bucket, s.key(name), minio.RemoveObjectOptions{})
}

func (s *store) WriteFile(name string, text []byte) error {
	_, err := s.client.PutObject(s.ctx, s.bucket, s.key(name), bytes.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
	return err
}

func (s *store) Create(name string) (icebergio.FileWriter, error) {
	return &written{store: s, name: name}, nil
}

// written is a file that is put when it is closed.
type written struct {
	bytes.Buffer
	store *store
	name  string
}

func (w *written) Close() error { return w.store.WriteFile(w.name, w.Bytes()) }

// file is an object that was read whole.
type file struct {
	*bytes.Reader
	name string
}

func (f *file) Close() error               { return nil }
func (f *file) Stat() (fs.FileInfo, error) { return f, nil }
func (f *file) Name() string               { return path.Base(f.name) }
func (f *file) Mode() fs.FileMode          { return 0 }
func (f *file) ModTime() time.Time         { return time.Time{} }
func (f *file) IsDir() bool                { return false }
func (f *file) Sys() any                   { return nil }
