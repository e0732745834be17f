package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A live part is made once for all who look, and not at all while nobody does.
func TestALivePartIsMadeOnceForAll(t *testing.T) {
	var made atomic.Int64
	live := &Live{Every: time.Millisecond, Make: func(context.Context) []byte {
		return fmt.Appendf(nil, "<p>part %d</p>\r\n<script>", made.Add(1))
	}}
	s := newSite(t)
	s.Handle("GET /live", live)
	server := httptest.NewServer(s)
	defer server.Close()
	if made.Load() != 0 {
		t.Error("a part is made for nobody")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	look := func() *bufio.Scanner {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		if got := res.Header.Get("Content-Type"); got != "text/event-stream" || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("the stream is %q, packed %q", got, res.Header.Get("Content-Encoding"))
		}
		return bufio.NewScanner(res.Body)
	}
	first, second := look(), look()
	for _, one := range []*bufio.Scanner{first, second} {
		var lines []string
		for len(lines) < 6 && one.Scan() {
			lines = append(lines, one.Text())
		}
		if len(lines) < 6 || !strings.HasPrefix(lines[0], "data: <p>part ") || lines[1] != "data: <script>" || lines[2] != "" {
			t.Errorf("the events are %q", lines)
		}
	}
	live.mu.Lock()
	looking := len(live.lookers)
	live.mu.Unlock()
	if looking != 2 {
		t.Errorf("%d look", looking)
	}
	cancel()
	ended := func() bool {
		live.mu.Lock()
		defer live.mu.Unlock()
		return len(live.lookers) == 0
	}
	for deadline := time.Now().Add(10 * time.Second); !ended(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("those who went away are remembered")
		}
	}
}

// What has not changed is not sent again, and whoever is slow gets the newest part alone.
func TestOnlyWhatHasChangedIsSent(t *testing.T) {
	live := &Live{Every: time.Hour, Make: func(context.Context) []byte { return nil }}
	parts, leave := live.join()
	defer leave()
	for _, part := range []string{"a", "b", "b", "c"} {
		live.send([]byte(part))
	}
	if got := string(<-parts); got != "c" {
		t.Errorf("the part is %q", got)
	}
	live.send([]byte("c"))
	select {
	case part := <-parts:
		t.Errorf("sent again: %q", part)
	default:
	}
}
