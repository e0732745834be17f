package lake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	icebergio "github.com/apache/iceberg-go/io"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"millrace/infra/bucket"
	"millrace/infra/tracing"
)

// unsentBytes bounds the bytes of files whose puts have not ended. Whoever writes another waits: rows come faster than a store that is
// far away takes them.
const unsentBytes = 32 << 20

// session is the FileIO of one commit. Its puts run side by side in the background. (Sixteen puts one after the other took longer
// than everything else of a gold commit together.) wait is the barrier before the pointers move: nothing that a pointer names may be
// missing. What a session wrote can be read back through it at once: it holds what the store does not have yet. (When it held all until
// its end, twenty million rows took 550 MB.)
type session struct {
	store *Store
	ctx   context.Context
	puts  *errgroup.Group
	room  *semaphore.Weighted // unsentBytes
	first func() time.Time    // when the first of its tables was changed

	mu      sync.Mutex
	written map[string][]byte // by name; nil once it is in the store, and if it was too large to hold
}

func newSession(ctx context.Context, store *Store) *session {
	puts, ctx := errgroup.WithContext(ctx)
	return &session{store: store, ctx: ctx, puts: puts, room: semaphore.NewWeighted(unsentBytes), first: sync.OnceValue(time.Now), written: map[string][]byte{}}
}

// at is the time at which a commit changes a table. All tables of one commit have one time, that of the first: who reads them as of
// a time sees all of the commit or nothing of it. Only a table that has changed since has a later one, so that its log stays in
// order.
func (s *session) at(base *Table) time.Time {
	at, last := s.first(), time.UnixMilli(base.Meta.LastUpdatedMillis())
	if at.Before(last) {
		return last
	}
	return at
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

// start puts a file, once there is room for it.
func (s *session) start(name string, b []byte) {
	size := min(int64(len(b)), unsentBytes)
	_ = s.room.Acquire(context.WithoutCancel(s.ctx), size) // puts end by themselves when the context does
	s.note(name, b)
	s.puts.Go(func() error {
		defer s.room.Release(size)
		ctx, end := tracing.Span(s.ctx, "put file")
		defer end()
		if tracing.On() {
			tracing.Note(ctx, attribute.String("millrace.file", name), attribute.Int("millrace.bytes", len(b)))
		}
		if err := s.store.put(ctx, name, b); err != nil {
			return err
		}
		s.store.keep(name, b)
		s.note(name, nil)
		return nil
	})
}

// note remembers that a file was written, and its bytes as long as they can be read nowhere else.
func (s *session) note(name string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[name] = b
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
	s.note(w.name, nil)
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
