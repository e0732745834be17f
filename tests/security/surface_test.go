package security_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// talk sends bytes as they are and returns the status line of the answer; "" when the server just closes.
func talk(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, text)
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

func surface(t *testing.T, s *harness.Stack) {
	for what, tt := range map[string]struct{ request, status string }{
		"a page of this machine":     {"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"},
		"a rebound name":             {"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"},
		"a name that begins alike":   {"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", "403"},
		"an address of the network":  {"GET /metrics HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", "403"},
		"another origin":             {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", "403"},
		"no origin at all":           {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", "403"},
		"two hosts":                  {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", "400"},
		"a method that would change": {"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", "405"},
		"a way out of the root":      {"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", ""},
		"headers of 64 KB":           {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "431"},
		"two lengths":                {"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400"},
	} {
		line := talk(t, s.HTTP, tt.request)
		if tt.status != "" && !strings.Contains(line, " "+tt.status+" ") {
			t.Errorf("%s: %q, want %s", what, line, tt.status)
		}
		if tt.status == "" && strings.Contains(line, " 200 ") {
			t.Errorf("%s: %q", what, line)
		}
	}
	// The server neither reads a large body nor waits for it.
	r, err := http.Post("http://"+s.HTTP+"/metrics", "text/plain", bytes.NewReader(make([]byte, 10<<20)))
	if err == nil {
		_ = r.Body.Close()
		if r.StatusCode < 400 {
			t.Errorf("a body of 10 MB: %s", r.Status)
		}
	}
	slowloris(t, s)
}

// slowloris opens many connections that send a byte now and then and never end. Meanwhile others must be served, and the server must
// close each within its time-out.
func slowloris(t *testing.T, s *harness.Stack) {
	const n = 200
	closed := make(chan time.Duration, n)
	for range n {
		conn, err := net.Dial("tcp", s.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		began := time.Now()
		go func() {
			_, _ = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			go func() {
				for {
					if _, err := io.WriteString(conn, "x"); err != nil {
						return
					}
					time.Sleep(200 * time.Millisecond) // the attack itself
				}
			}()
			_, _ = io.Copy(io.Discard, conn)
			closed <- time.Since(began)
		}()
	}
	r, err := http.Get("http://" + s.HTTP + "/healthz")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("under slow connections: %v", err)
	}
	_ = r.Body.Close()
	for range n {
		if took := <-closed; took > 30*time.Second {
			t.Fatalf("a slow connection was kept for %v", took)
		}
	}
}

// bombLimits are the limits of the stack that bombs attacks.
var bombLimits = []string{"MILLRACE_MAX_OBJECT_SIZE=12MiB", "MILLRACE_MAX_UNPACKED_SIZE=64MiB", "MILLRACE_MAX_ROWS=5000"}

func bombs(t *testing.T, s *harness.Stack) {
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(z, io.LimitReader(spaces{}, 256<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)
	line := `{"timestamp":1751328000000,"id":"a"}` + "\n"
	for name, tt := range map[string]struct {
		body []byte
		says string
	}{
		"bomb.json.gz":   {zipped.Bytes(), "MILLRACE_MAX_UNPACKED_SIZE"},
		"bomb.ndjson.gz": {zipped.Bytes(), "MILLRACE_MAX_UNPACKED_SIZE"},
		"huge.json":      {bytes.Repeat([]byte(" "), 13<<20), "MILLRACE_MAX_OBJECT_SIZE"},
		"rows.ndjson":    {[]byte(strings.Repeat(line, 5001)), "MILLRACE_MAX_ROWS"},
		"deep.json":      {[]byte(`{"timestamp":1,"data":[` + strings.Repeat("[", 1<<20)), ""},
	} {
		key := coin.AssetsKey(name)
		s.Put(t, key, tt.body, nil)
		r := s.Run(t, "reactor", "wait", "--key", key)
		if r.Code != 1 || !strings.Contains(r.Stderr, "dead letter") || !strings.Contains(r.Stderr, tt.says) {
			t.Errorf("%s of %d bytes: %s", name, len(tt.body), r)
		}
	}
	good := coin.AssetsKey("after-the-bombs.json")
	s.Put(t, good, coin.Assets(at, coin.Asset("bitcoin", "1", "1")), nil)
	s.Wait(t, good)
	if r := s.RunEnv(t, bombLimits, "reactor", "check"); r.Code != 0 {
		t.Errorf("check after the bombs: %s", r)
	}
	t.Logf("a bomb of %d bytes", zipped.Len())
}

// spaces reads as spaces without end, which compress best.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
