package delivery_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// gate stands between the reactor and MinIO and knows what each PUT writes by its name. It can hold the next one of a
// kind, before MinIO gets it or before the reactor hears that MinIO has it: the moments at which a commit can be torn.
type gate struct {
	port  int
	proxy *httputil.ReverseProxy

	mu   sync.Mutex
	trap *trap
}

// step is a moment of a commit: the PUT of one kind of file in one layer.
type step struct {
	layer string // silver or gold
	kind  string // one of kinds
	when  when
}

// when says at which moment of a request a step is.
type when string

const (
	before when = "before" // MinIO never sees the request
	after  when = "after"  // MinIO has the file, but the reactor is not told
	passed when = "passed" // nothing is held: the answer has gone to the reactor
)

// The files of a commit, in the order in which a writer that waits for each would write them.
const (
	dataFile     = "data file"
	manifest     = "manifest"
	manifestList = "manifest list"
	metadata     = "metadata.json"
)

var kinds = []string{dataFile, manifest, manifestList, metadata}

// kindOf tells what a file of a table is.
func kindOf(key string) string {
	name := key[strings.LastIndexByte(key, '/')+1:]
	switch {
	case strings.HasSuffix(name, ".parquet"):
		return dataFile
	case strings.HasSuffix(name, ".metadata.json"):
		return metadata
	case strings.HasPrefix(name, "snap-"):
		return manifestList
	case strings.HasSuffix(name, ".avro"):
		return manifest
	}
	return ""
}

// trap holds the first request of its step until released.
type trap struct {
	step
	caught, release chan struct{}
	sprung          bool
}

func newGate(t testing.TB, to int) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{port: listener.Addr().(*net.TCPAddr).Port}
	target := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", to)}
	g.proxy = &httputil.ReverseProxy{
		// The Host header stays as it came: it is signed.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
		},
		Transport:    &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 64, DisableCompression: true},
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as if there were no proxy
	}
	server := &http.Server{Handler: g, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }() // until Close
	t.Cleanup(func() { _ = server.Close() })
	return g
}

// set makes a trap for one step. It stays until it is sprung and released.
func (g *gate) set(s step) *trap {
	t := &trap{step: s, caught: make(chan struct{}), release: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trap = t
	return t
}

// spring returns the trap that a request falls into, nil when there is none.
func (g *gate) spring(r *http.Request) *trap {
	if r.Method != http.MethodPut {
		return nil
	}
	key := strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.trap
	if t == nil || t.sprung || !strings.HasPrefix(key, t.layer+"/") || kindOf(key) != t.kind {
		return nil
	}
	t.sprung = true
	return t
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := g.spring(r)
	if t == nil {
		g.proxy.ServeHTTP(w, r)
		return
	}
	switch t.when {
	case passed:
		g.proxy.ServeHTTP(w, r)
		close(t.caught)
		return
	case after:
		g.proxy.ServeHTTP(&mute{header: http.Header{}}, r)
	}
	close(t.caught)
	<-t.release
	panic(http.ErrAbortHandler) // no answer ever comes
}

// mute is an http.ResponseWriter that swallows the answer.
type mute struct{ header http.Header }

func (m *mute) Header() http.Header         { return m.header }
func (m *mute) Write(b []byte) (int, error) { return len(b), nil }
func (m *mute) WriteHeader(int)             {}
