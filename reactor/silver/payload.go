package silver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/klauspost/compress/gzip"

	"millrace/ingestor/bronze"
)

// Source is one version of one bronze object.
type Source struct {
	Key     string
	Version string
	// ModifiedAt in UTC, floored to milliseconds: what an event and a listing agree on.
	ModifiedAt time.Time
	// IngestDate of the object; when it is no day, that of the key counts, else the day of ModifiedAt.
	IngestDate bronze.Day
	// Limits that it must keep to.
	Limits Limits
	// Metadata of the user, names in lower case and without x-amz-meta-.
	Metadata map[string]string
}

// day of the object: that of its key, else that on which it was stored.
func (s Source) day() bronze.Day {
	if s.IngestDate.IsZero() {
		return bronze.DayOf(s.ModifiedAt)
	}
	return s.IngestDate
}

// Payload opens the object's bytes from the start. It is asked twice when an envelope's timestamp follows its data.
type Payload interface {
	Open(ctx context.Context) (io.ReadCloser, error)
	// ReaderAt is what Parquet needs; it returns the size and a function that closes.
	ReaderAt(ctx context.Context) (io.ReaderAt, int64, func() error, error)
}

// Sink takes the rows of one object in its order, in batches of at most 8,192. A batch is released when the call returns:
// keep it with Retain.
type Sink interface {
	Rows(arrow.RecordBatch) error
	Rejected(arrow.RecordBatch) error
}

// Unreadable says why nothing can be made of an object. Trying again cannot help; another object, or other metadata, can.
type Unreadable struct {
	Reason string
	Limit  bool // it is beyond a limit that can be set
}

func (e *Unreadable) Error() string { return "unreadable object: " + e.Reason }

func unreadable(format string, args ...any) error {
	return &Unreadable{Reason: fmt.Sprintf(format, args...)}
}

// ioError is a failure of the payload. A broken connection and a truncated file both end in an unexpected EOF; only the
// first may be tried again.
type ioError struct{ err error }

func (e *ioError) Error() string { return e.err.Error() }
func (e *ioError) Unwrap() error { return e.err }

// watched marks the payload's failures, so that they differ from those of the readers above it.
type watched struct{ r io.Reader }

func (w watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		err = &ioError{err: err}
	}
	return n, err
}

// content is the payload's text, unpacked.
type content struct {
	io.Reader
	closer io.Closer
}

func (c *content) Close() error { return c.closer.Close() }

var gzipMagic = []byte{0x1f, 0x8b}

func openContent(ctx context.Context, p Payload, packed bool, limits Limits) (*content, error) {
	body, err := p.Open(ctx)
	if err != nil {
		return nil, &ioError{err: err}
	}
	c := &content{Reader: watched{r: body}, closer: body}
	if !packed {
		return c, nil
	}
	head := make([]byte, len(gzipMagic))
	n, err := io.ReadFull(c.Reader, head)
	switch {
	case n == 0 && err == io.EOF:
		err = unreadable("it is empty: no byte at all")
	case err != nil && errors.As(err, new(*ioError)):
	case !bytes.Equal(head, gzipMagic):
		rest := make([]byte, quoteLimit)
		more, _ := io.ReadFull(c.Reader, rest)
		err = unreadable("it is named .gz but is not gzip, it begins with %s; name it without .gz", quote(append(head[:n], rest[:more]...)))
	default:
		err = c.unpack(io.MultiReader(bytes.NewReader(head), c.Reader), limits)
	}
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	return c, nil
}

func (c *content) unpack(r io.Reader, limits Limits) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return gzipError(err)
	}
	c.Reader = &unpacked{r: z, limits: limits}
	return nil
}

type unpacked struct {
	r      io.Reader
	size   int64
	limits Limits
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.size += int64(n)
	if beyond := u.limits.unpacked(u.size); beyond != nil {
		return 0, beyond
	}
	if err != nil && err != io.EOF {
		err = gzipError(err)
	}
	return n, err
}

func gzipError(err error) error {
	switch {
	case errors.As(err, new(*ioError)):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return unreadable("its gzip stream ends too early: the object is truncated")
	case errors.Is(err, gzip.ErrHeader):
		return unreadable("its gzip stream is followed by bytes that are no gzip, or has a broken header")
	}
	return unreadable("its gzip stream is broken: %v", err)
}
