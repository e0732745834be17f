package lake

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// slow is an object store whose puts end when they are let go.
type slow struct {
	goOn chan struct{}

	mu      sync.Mutex
	arrived int
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.arrived += int(n)
	s.mu.Unlock()
	<-s.goOn
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Etag": {`"1"`}}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func (s *slow) bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

// A store that is slower than the rows holds their writer back, and what it has is held no longer.
func TestASessionHoldsWhatTheStoreDoesNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{goOn: make(chan struct{})}
		client, err := minio.New("store:1", &minio.Options{Creds: credentials.NewStaticV4("a", "b", ""), Region: "us-east-1", Transport: store})
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(t.Context(), NewStore(client))
		const files, size = 12, unsentBytes / 8
		var closed sync.WaitGroup
		closed.Go(func() {
			for i := range files {
				f, err := s.Create("s3://bucket/" + strconv.Itoa(i))
				if err == nil {
					_, err = f.Write(bytes.Repeat([]byte{byte(i)}, size))
				}
				if err == nil {
					err = f.Close()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
		synctest.Wait()
		if n := store.bytes(); n != unsentBytes {
			t.Errorf("%d bytes are on their way, want %d", n, unsentBytes)
		}
		if b, err := s.ReadFile("s3://bucket/0"); err != nil || len(b) != size {
			t.Errorf("a file that is on its way has %d bytes, want %d: %v", len(b), size, err)
		}
		close(store.goOn)
		closed.Wait()
		if err := s.wait(); err != nil {
			t.Fatal(err)
		}
		if n := store.bytes(); n != files*size {
			t.Errorf("the store has %d bytes, want %d", n, files*size)
		}
		for name, b := range s.written {
			if b != nil {
				t.Errorf("%s is still held", name)
			}
		}
		if len(s.written) != files {
			t.Errorf("%d files are known, want %d", len(s.written), files)
		}
	})
}
