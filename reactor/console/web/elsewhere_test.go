package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A reactor that listens beyond loopback shows the lake to those with a role's token, and to nobody else.
func TestFromAnotherMachineOnlyATokenMayLook(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler), func(token string) (string, bool, bool) { return "analyst", false, token == "good" }, nil)
	Show(s, View[int]{Path: "/rows", About: "A number.", Read: func(*http.Request) (int, error) { return 1, nil }})
	ask := func(from, path, token, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.RemoteAddr = from
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	const here, here6, mapped, there = "127.0.0.1:5", "[::1]:5", "[::ffff:127.0.0.1]:5", "192.0.2.7:5"
	entered := ask(there, "/api/v1/rows?token=good", "", "")
	if entered.Code != http.StatusSeeOther || len(entered.Result().Cookies()) != 1 {
		t.Fatalf("a token in the address: %d, %v", entered.Code, entered.Result().Cookies())
	}
	cookie := entered.Result().Cookies()[0].Value
	for _, test := range []struct {
		from, token, cookie string
		want                int
	}{
		{here, "", "", http.StatusOK}, {here6, "", "", http.StatusOK}, {mapped, "", "", http.StatusOK},
		{there, "", "", http.StatusUnauthorized}, {there, "bad", "", http.StatusUnauthorized}, {there, "", "bad", http.StatusUnauthorized},
		{there, "good", "", http.StatusOK}, {there, "", cookie, http.StatusOK}, {"", "", "", http.StatusUnauthorized},
	} {
		if got := ask(test.from, "/api/v1/rows", test.token, test.cookie).Code; got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
	if got := ask(there, "/", "", "").Code; got != http.StatusUnauthorized {
		t.Errorf("a page: %d", got)
	}
}
