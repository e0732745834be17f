package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

// wholeObject is the size up to which an object is fetched in one request and decoded from memory.
const wholeObject = 4 << 20

// payload is the bytes of one bronze object version. A small object is held in memory; a large one is requested again
// each time it is opened.
type payload struct {
	client   *minio.Client
	object   event.Object
	key      string // where the bytes are
	options  minio.GetObjectOptions
	whole    []byte // nil for a large object
	size     int64
	metadata map[string]string
}

// fetch asks for an object version: for all of it when it is small, else for what is said about it. An object that is
// not there (any more) is dead.
func fetch(ctx context.Context, client *minio.Client, o event.Object) (*payload, error) {
	p := &payload{client: client, object: o}
	p.key, p.options = bronze.Bytes(o.Key, o.Version)
	if o.Size > wholeObject {
		info, err := client.StatObject(ctx, o.Bucket, p.key, p.options)
		if err != nil {
			return nil, fetchError(o, err)
		}
		p.metadata, p.size = lowerCase(info.UserMetadata), info.Size
		return p, nil
	}
	// Core, because the client's GetObject asks for the size first: two requests in place of one.
	body, info, _, err := minio.Core{Client: client}.GetObject(ctx, o.Bucket, p.key, p.options)
	if err != nil {
		return nil, fetchError(o, err)
	}
	p.metadata, p.size = lowerCase(info.UserMetadata), info.Size
	p.whole, err = io.ReadAll(io.LimitReader(body, wholeObject+1))
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fetchError(o, err)
	}
	if len(p.whole) > wholeObject { // the event's size was wrong: somebody wrote it by hand
		p.whole = nil
	}
	return p, nil
}

func (p *payload) Open(ctx context.Context) (io.ReadCloser, error) {
	if p.whole != nil {
		return io.NopCloser(bytes.NewReader(p.whole)), nil
	}
	body, _, _, err := minio.Core{Client: p.client}.GetObject(ctx, p.object.Bucket, p.key, p.options)
	if err != nil {
		return nil, fetchError(p.object, err)
	}
	return body, nil
}

func (p *payload) ReaderAt(ctx context.Context) (io.ReaderAt, int64, func() error, error) {
	if p.whole != nil {
		return bytes.NewReader(p.whole), int64(len(p.whole)), func() error { return nil }, nil
	}
	o, err := p.client.GetObject(ctx, p.object.Bucket, p.key, p.options)
	if err != nil {
		return nil, 0, nil, fetchError(p.object, err)
	}
	info, err := o.Stat()
	if err != nil {
		return nil, 0, nil, errors.Join(fetchError(p.object, err), o.Close())
	}
	return o, info.Size, o.Close, nil
}

// fetchError tells an object that is gone from a store that is away.
func fetchError(o event.Object, err error) error {
	if bucket.Gone(err) {
		return event.DeadAs(event.Gone, "the object is no longer there: %s version %s", o.Key, o.Version)
	}
	return fmt.Errorf("fetch %s version %s: %w", o.Key, o.Version, err)
}

// lowerCase gives metadata the names that their senders used: S3 carries them as headers, which have no case.
func lowerCase(m map[string]string) map[string]string {
	lower := make(map[string]string, len(m))
	for k, v := range m {
		lower[strings.TrimPrefix(strings.ToLower(k), "x-amz-meta-")] = v
	}
	return lower
}
