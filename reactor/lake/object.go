package lake

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"path"
	"time"

	icebergio "github.com/apache/iceberg-go/io"
)

// object is an open object. It is a file to iceberg-go.
type object struct {
	io.ReadSeeker
	io.ReaderAt
	close func() error
	name  string
	size  int64
}

func inMemory(name string, b []byte) *object {
	r := bytes.NewReader(b)
	return &object{ReadSeeker: r, ReaderAt: r, close: func() error { return nil }, name: name, size: int64(len(b))}
}

func (o *object) Close() error               { return o.close() }
func (o *object) Stat() (fs.FileInfo, error) { return objectInfo{o}, nil }

type objectInfo struct{ o *object }

func (i objectInfo) Name() string       { return path.Base(i.o.name) }
func (i objectInfo) Size() int64        { return i.o.size }
func (i objectInfo) Mode() fs.FileMode  { return 0 }
func (i objectInfo) ModTime() time.Time { return time.Time{} }
func (i objectInfo) IsDir() bool        { return false }
func (i objectInfo) Sys() any           { return nil }

// reader is iceberg-go's FileIO over the store, for reading.
type reader struct {
	ctx   context.Context
	store *Store
}

func (r reader) Open(name string) (icebergio.File, error) { return r.store.open(r.ctx, name) }
func (r reader) Remove(name string) error                 { return r.store.remove(r.ctx, name) }
func (r reader) ReadFile(name string) ([]byte, error) {
	b, err := r.store.read(r.ctx, name)
	return bytes.Clone(b), err
}
