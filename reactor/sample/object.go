// Package sample works on objects at hand, files or objects of a bucket, before a dataset of theirs exists or is changed: it tries
// a definition on them, and proposes one. It writes nothing.
package sample

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/silver"
	"millrace/reactor/silver/infer"
)

// maxBytes of one object, as stored and unpacked: all of it is in memory.
const maxBytes = 256 << 20

// Object is one with its bytes.
type Object struct {
	Name       string // as the user gave it
	Key        string // as it is, or would be, in bronze
	Body       []byte
	Metadata   map[string]string
	ModifiedAt time.Time
}

// Open implements silver.Payload.
func (o Object) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o.Body)), nil
}

// ReaderAt implements silver.Payload.
func (o Object) ReaderAt(context.Context) (io.ReaderAt, int64, func() error, error) {
	return bytes.NewReader(o.Body), int64(len(o.Body)), func() error { return nil }, nil
}

// File reads a file as an object of the dataset that is put now.
func File(file, dataset string, metadata map[string]string) (Object, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Object{}, fmt.Errorf("read the object: %w", err)
	}
	if info.Size() > maxBytes {
		return Object{}, fmt.Errorf("read %s: it has %d bytes, and a sample has at most %d: cut a part out", file, info.Size(), maxBytes)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return Object{}, fmt.Errorf("read the object: %w", err)
	}
	now := time.Now().UTC()
	key := bronze.Prefix + dataset + "/ingest_date=" + now.Format(time.DateOnly) + "/" + filepath.Base(file)
	return Object{Name: file, Key: key, Body: body, Metadata: metadata, ModifiedAt: now}, nil
}

// Stored fetches an object of the bucket, as it is now.
func Stored(ctx context.Context, b bucket.Bucket, key string) (Object, error) {
	at, options := bronze.Bytes(key, "")
	in, err := b.Client.GetObject(ctx, b.Name, at, options)
	if err != nil {
		return Object{}, fmt.Errorf("fetch %s: %w", key, err)
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return Object{}, fmt.Errorf("fetch %s: %w", key, err)
	}
	body, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return Object{}, fmt.Errorf("fetch %s: %w", key, err)
	}
	if len(body) > maxBytes {
		return Object{}, fmt.Errorf("fetch %s: it has more than %d bytes, which is too much for a sample", key, maxBytes)
	}
	metadata := map[string]string{}
	for name, value := range info.UserMetadata {
		metadata[strings.ToLower(name)] = value
	}
	return Object{Name: key, Key: key, Body: body, Metadata: metadata, ModifiedAt: info.LastModified}, nil
}

// sample reads the object's values for a proposal, by the end of its name.
func (o Object) sample(ctx context.Context) (infer.Sample, error) {
	s := infer.Sample{Name: o.Name}
	ext := strings.ToLower(path.Base(o.Key))
	body := o.Body
	var err error
	if rest, packed := strings.CutSuffix(ext, ".gz"); packed {
		if body, err = unpacked(body); err != nil {
			return s, fmt.Errorf("unpack %s: %w", o.Name, err)
		}
		ext = rest
	}
	switch {
	case strings.HasSuffix(ext, ".parquet"):
		s.Lines = true
		err = silver.ParquetRows(ctx, o, func(row []byte) error {
			if len(s.Values) < maxSampleRows {
				s.Values = append(s.Values, bytes.Clone(row))
				return nil
			}
			return errEnough
		})
		if errors.Is(err, errEnough) {
			err = nil
		}
	default:
		s.Values, err = infer.Values(body)
		s.Misnamed = !strings.HasSuffix(ext, ".ndjson") && len(s.Values) > 1
		s.Lines = strings.HasSuffix(ext, ".ndjson") || s.Misnamed
	}
	if err != nil {
		return s, fmt.Errorf("read %s: %w", o.Name, err)
	}
	return s, nil
}

// maxSampleRows of a Parquet file are looked at.
const maxSampleRows = 20_000

var errEnough = errors.New("enough rows")

func unpacked(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxBytes+1))
	if err == nil && len(text) > maxBytes {
		err = fmt.Errorf("it unpacks to more than %d bytes", maxBytes)
	}
	return text, err
}

// Infer proposes a definition of the dataset for objects.
func Infer(ctx context.Context, dataset string, objects []Object) (string, error) {
	var samples []infer.Sample
	for _, o := range objects {
		s, err := o.sample(ctx)
		if err != nil {
			return "", err
		}
		if len(s.Values) > 0 {
			samples = append(samples, s)
		}
	}
	if len(samples) == 0 {
		return "", fmt.Errorf("infer %s: the objects have no row: take some that have", dataset)
	}
	return infer.Propose(dataset, samples)
}
