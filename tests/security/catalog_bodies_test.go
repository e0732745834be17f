package security_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
)

// slowly is a body of which some comes, and then nothing.
type slowly struct {
	first *bytes.Reader
	end   <-chan struct{}
}

func (s slowly) Read(b []byte) (int, error) {
	if n, err := s.first.Read(b); err == nil {
		return n, nil
	}
	<-s.end
	return 0, errors.New("the test has ended")
}

// trickyBodies sends bodies that are huge, deep, endless or slow.
func trickyBodies(t *testing.T, s *harness.Stack) {
	owner, stranger := as(t, s, "owner"), engine{s, ""}
	const mb = 1 << 20
	send := func(e engine, path string, body io.Reader, length int64) (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.HTTP+"/iceberg/"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = length
		r.Header.Set("Authorization", "Bearer "+e.token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	for _, path := range []string{"v1/namespaces", "v1/namespaces/lab/tables", "v1/namespaces/lab/tables/t", "v1/transactions/commit", "v1/namespaces/lab/tables/t/metrics", "v1/oauth/tokens"} {
		for what, length := range map[string]int64{"that says its length": 300 * mb, "in chunks": -1} {
			// The server may close the connection before all of it is sent: that is a refusal, too.
			if code, err := send(owner, path, io.LimitReader(spaces{}, 300*mb), length); err == nil && code != http.StatusRequestEntityTooLarge && code != http.StatusBadRequest {
				t.Errorf("300 MB %s for %s: %d", what, path, code)
			}
			if code, err := send(stranger, path, io.LimitReader(spaces{}, 300*mb), length); err == nil && (code < 400 || code >= 500) {
				t.Errorf("300 MB %s for %s of a stranger: %d", what, path, code)
			}
		}
		for what, body := range map[string]string{
			"deep arrays":      strings.Repeat("[", mb),
			"deep objects":     strings.Repeat(`{"a":`, mb),
			"a deep schema":    `{"name":"deep","schema":` + strings.Repeat(`{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":false,"type":`, 4000) + `"long"` + strings.Repeat(`}]}`, 4000) + `}`,
			"a huge number":    `{"name":"n","schema":{"type":"struct","schema-id":0,"fields":[{"id":1e400,"name":"x","required":false,"type":"long"}]}}`,
			"no JSON":          "<xml/>",
			"another type":     `[1,2]`,
			"null":             "null",
			"a zipped body":    "\x1f\x8b\x08\x00",
			"two values":       "{}{}",
			"a decimal bomb":   newTable("d", `,"properties":{"p":`+strings.Repeat("9", mb)+`}`),
			"a type of depth":  `{"name":"d","schema":{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":false,"type":"decimal(99999999,99999999)"}]}}`,
			"a fixed of 2 GB":  `{"name":"f","schema":{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":false,"type":"fixed[2147483648]"}]}}`,
			"ids that overlap": `{"name":"o","schema":{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":false,"type":"long"},{"id":1,"name":"x","required":false,"type":"long"}]}}`,
		} {
			if a := owner.ask(t, http.MethodPost, path, body); a.code >= 500 {
				t.Errorf("%s for %s: %s", what, path, a)
			}
		}
	}
	slowBodies(t, s, owner)
}

// forgetPeak begins to count the most memory of a process anew.
func forgetPeak(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// peakKB is the most memory that a process had since.
func peakKB(t *testing.T, pid int) (kb int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb
		}
	}
	t.Fatalf("process %d has no peak:\n%s", pid, text)
	return 0
}

// slowBodies leaves many requests half sent. Others are served meanwhile, and the server ends the slow ones.
func slowBodies(t *testing.T, s *harness.Stack, owner engine) {
	end := make(chan struct{})
	defer close(end)
	const n = 100
	answers := make(chan int, n)
	began := time.Now()
	for range n {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.HTTP+"/iceberg/v1/namespaces/lab/tables", slowly{bytes.NewReader([]byte(`{"name":"slow",`)), end})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+owner.token)
		go func() {
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				answers <- 0
				return
			}
			_ = response.Body.Close()
			answers <- response.StatusCode
		}()
	}
	loads := 0
	for len(answers) < n {
		asked := time.Now()
		owner.must(t, http.MethodGet, snapshots, "")
		if took := time.Since(asked); took > 5*time.Second {
			t.Errorf("beside slow bodies a load took %s", took)
		}
		loads++
		if time.Since(began) > harness.Patience {
			t.Fatalf("only %d of %d slow requests have ended", len(answers), n)
		}
		time.Sleep(50 * time.Millisecond) // as a client that works
	}
	for range n {
		if code := <-answers; code >= 200 && code < 300 {
			t.Errorf("half a body was taken: %d", code)
		}
	}
	t.Logf("%d slow requests ended within %s, beside %d loads", n, time.Since(began).Round(time.Second), loads)
	if a := owner.ask(t, http.MethodGet, "v1/namespaces/lab/tables/slow", ""); a.code != http.StatusNotFound {
		t.Errorf("half a body made a table: %s", a)
	}
}
