package airflow

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"millrace/infra/settings"
)

const ranking = "s3://lakehouse/gold/rankings"

func TestAnAssetIsFoundAmongThoseThatLookLikeIt(t *testing.T) {
	f := newFake(t)
	id := 0
	for i := range 150 { // more than a page of URIs that contain the one that is meant
		id++
		f.assets[id] = fmt.Sprintf("%s_%03d", ranking, i)
	}
	f.assets[id+1], f.assets[id+2], f.assets[id+3] = "s3://lakehouse/gold/dailyXsummary", ranking, "S3://LAKEHOUSE/GOLD/RANKINGS"
	c := newClient(f.at(), transport())
	if got, ok, err := c.asset(t.Context(), ranking); got != id+2 || !ok || err != nil {
		t.Errorf("got %d, %v, %v, want %d", got, ok, err, id+2)
	}
	if _, ok, err := c.asset(t.Context(), "s3://lakehouse/gold/daily_summary"); ok || err != nil {
		t.Errorf("found what only looks like it: %v, %v", ok, err)
	}
}

func TestAnExpiredTokenIsRenewedOnce(t *testing.T) {
	f := newFake(t, ranking)
	c := newClient(f.at(), transport())
	if _, _, err := c.asset(t.Context(), ranking); err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.token += 100 }) // as if another day had come
	if err := c.report(t.Context(), 1, map[string]any{"table": "gold.rankings"}); err != nil {
		t.Errorf("after the token ran out: %v", err)
	}
	if n := f.made("POST /auth/token"); n != 2 || len(f.told(1)) != 1 {
		t.Errorf("%d log-ins and %d events, want 2 and 1", n, len(f.told(1)))
	}
	// An Airflow that takes no token at all is not asked for more and more of them.
	f.set(func() {
		f.refuse = func(r *http.Request) int {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				return http.StatusUnauthorized
			}
			return 0
		}
	})
	if err := c.report(t.Context(), 1, nil); !refused(err, http.StatusUnauthorized) {
		t.Errorf("every token refused: %v", err)
	}
	if n := f.made("POST /auth/token"); n != 3 {
		t.Errorf("%d log-ins, want 3", n)
	}
}

func TestErrorsSayWhatToDoAndNeverThePassword(t *testing.T) {
	page := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"a sentence", page(http.StatusUnauthorized, `{"detail":"Invalid credentials"}`), "MILLRACE_AIRFLOW_PASSWORD): Airflow answers POST /auth/token with 401 Unauthorized: Invalid credentials"},
		{"the request quoted", page(http.StatusUnprocessableEntity, `{"detail":[{"msg":"no","input":{"password":"`+password+`"}}]}`), "422 Unprocessable Entity"},
		{"a page", page(http.StatusBadGateway, "<html>"+password+"</html>"), "502 Bad Gateway"},
		{"no token", page(http.StatusOK, `{}`), "the address of an Airflow 3?"},
		{"no JSON", page(http.StatusOK, "<html>"), "read Airflow's answer to POST /auth/token"},
		{"more than anybody wants", page(http.StatusOK, `{"access_token":"`+strings.Repeat("x", 2*answerBytes)), "read Airflow's answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(tt.answer)
			defer s.Close()
			_, _, err := newClient(settings.Airflow{URL: s.URL, User: user, Password: password}, transport()).asset(t.Context(), ranking)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), password) || len(err.Error()) > 400) {
				t.Errorf("too much in the error: %.1000v", err)
			}
		})
	}
}

func TestThePasswordGoesToNoOtherPlace(t *testing.T) {
	var body bytes.Buffer
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = body.ReadFrom(r.Body) }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	_, _, err := newClient(settings.Airflow{URL: s.URL, User: user, Password: password}, transport()).asset(t.Context(), ranking)
	if !refused(err, http.StatusTemporaryRedirect) || body.Len() > 0 {
		t.Errorf("the log-in followed a redirect: %v, %q", err, body.String())
	}
	plain := &http.Request{URL: &url.URL{Scheme: "http", Host: "airflow-api-server:8080"}}
	if proxy, err := transport().(*http.Transport).Proxy(plain); proxy != nil || err != nil {
		t.Errorf("what is not encrypted goes through a proxy: %v, %v", proxy, err)
	}
}

func TestACallDoesNotWaitForEver(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 1<<10)
		_, _ = r.Body.Read(buffer) // a server notices that the client is gone only after the body
		<-r.Context().Done()
	}))
	defer s.Close()
	c := newClient(settings.Airflow{URL: s.URL}, transport())
	if c.http.Timeout != requestTimeout {
		t.Errorf("calls may take %v", c.http.Timeout)
	}
	c.http.Timeout = 20 * time.Millisecond
	if _, _, err := c.asset(t.Context(), ranking); err == nil || !strings.Contains(err.Error(), "call Airflow") {
		t.Errorf("no answer: %v", err)
	}
}
