package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A server gives a client some seconds to send its request. An answer may take longer than that.
func TestAnAnswerMayTakeLongerThanARequest(t *testing.T) {
	const forRequests = 100 * time.Millisecond
	s := New(slog.New(slog.DiscardHandler), func(string) (string, bool, bool) { return "owner", true, true }, nil)
	work := func(r *http.Request) error {
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(4 * forRequests):
			return nil
		}
	}
	s.Handle("GET /slow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := work(r); err != nil {
			t.Errorf("an answer was ended: %v", err)
		}
	}))
	s.Act("/slow", func(r *http.Request) (Done, error) { return Done{Title: "done"}, work(r) })
	server := httptest.NewUnstartedServer(s)
	server.Config.ReadTimeout = forRequests
	server.Start()
	defer server.Close()
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	entered, err := client.Get(server.URL + "/?token=good")
	if err != nil {
		t.Fatal(err)
	}
	_ = entered.Body.Close()
	cookie := entered.Cookies()[0]
	form := s.sessions.all[cookie.Value].visitor.Form
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/slow", strings.NewReader(url.Values{"form": {form}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodGet {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(cookie)
		got, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		_ = got.Body.Close()
		if got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", method, got.Status)
		}
	}
}
