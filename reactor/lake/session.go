package lake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	icebergio "github.com/apache/iceberg-go/io"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/infra/tracing"
)

// session is the FileIO of one commit. Its puts run side by side in the background. (Sixteen puts one after the other took longer
// than everything else of a gold commit together.) wait is the barrier before the pointers move: nothing that a pointer names may be
// missing. What a session wrote can be read back through it at once.
type session struct {
	store *Store
	ctx   context.Context
	puts  *errgroup.Group

	mu      sync.Mutex
	written map[string][]byte // by name; nil if it was too large to keep
}

func newSession(ctx context.Context, store *Store) *session {
	puts, ctx := errgroup.WithContext(ctx)
	return &session{store: store, ctx: ctx, puts: puts, written: map[string][]byte{}}
}

// wait returns when every put has ended, with the first error of one.
func (s *session) wait() error { return s.puts.Wait() }

// discard removes what the session wrote, after a commit that certainly did not happen. What it fails to remove is an orphan. It asks
// for no removal with credentials that may not put: they may not remove either.
func (s *session) discard(ctx context.Context) error {
	if err := s.puts.Wait(); bucket.IsRefusal(err) { // any other error is known; here it matters that no put is running any more
		return nil
	}
	var errs []error
	for name := range s.written {
		errs = append(errs, s.store.remove(ctx, name))
	}
	return errors.Join(errs...)
}

func (s *session) bytes(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written[name]
}

func (s *session) Open(name string) (icebergio.File, error) {
	if b := s.bytes(name); b != nil {
		return inMemory(name, b), nil
	}
	return s.store.open(s.ctx, name)
}

func (s *session) ReadFile(name string) ([]byte, error) {
	if b := s.bytes(name); b != nil {
		return bytes.Clone(b), nil
	}
	return reader{s.ctx, s.store}.ReadFile(name)
}

func (s *session) Remove(name string) error { return s.store.remove(s.ctx, name) }

func (s *session) WriteFile(name string, p []byte) error {
	s.start(name, bytes.Clone(p))
	return nil
}

func (s *session) start(name string, b []byte) {
	s.mu.Lock()
	s.written[name] = b
	s.mu.Unlock()
	s.puts.Go(func() error {
		ctx, end := tracing.Span(s.ctx, "put file")
		defer end()
		if tracing.On() {
			tracing.Note(ctx, attribute.String("millrace.file", name), attribute.Int("millrace.bytes", len(b)))
		}
		if err := s.store.put(ctx, name, b); err != nil {
			return err
		}
		s.store.keep(name, b)
		return nil
	})
}

func (s *session) Create(name string) (icebergio.FileWriter, error) {
	return &writer{session: s, name: name}, nil
}

// writer holds a file in memory until it is closed. A file that outgrows a part is sent while it is written.
type writer struct {
	session *session
	name    string
	buf     bytes.Buffer
	pipe    *io.PipeWriter
	closed  bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.pipe != nil {
		return w.pipe.Write(p)
	}
	n, _ := w.buf.Write(p) // a bytes.Buffer's Write has no error
	if w.buf.Len() <= partSize {
		return n, nil
	}
	r, pw := io.Pipe()
	w.pipe = pw
	s := w.session
	s.mu.Lock()
	s.written[w.name] = nil
	s.mu.Unlock()
	s.puts.Go(func() error {
		err := s.store.putFrom(s.ctx, w.name, r, -1)
		r.CloseWithError(err) // or the writer would wait for ever for a put that failed
		return err
	})
	if _, err := w.pipe.Write(w.buf.Bytes()); err != nil {
		return 0, err
	}
	w.buf = bytes.Buffer{}
	return n, nil
}

func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

func (w *writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.pipe != nil {
		return w.pipe.Close()
	}
	w.session.start(w.name, w.buf.Bytes())
	return nil
}
