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

	"millrace/infra/airflow/airflowtest"
	"millrace/infra/settings"
)

const ranking = "s3://lakehouse/gold/rankings"

func TestAnAssetIsFoundAmongThoseThatLookLikeIt(t *testing.T) {
	f := airflowtest.New(t)
	id := 0
	for i := range 150 { // more than a page of URIs that contain the one that is meant
		id++
		f.Assets[id] = fmt.Sprintf("%s_%03d", ranking, i)
	}
	f.Assets[id+1], f.Assets[id+2], f.Assets[id+3] = "s3://lakehouse/gold/dailyXsummary", ranking, "S3://LAKEHOUSE/GOLD/RANKINGS"
	c := New(f.At())
	if got, ok, err := c.Asset(t.Context(), ranking); got != id+2 || !ok || err != nil {
		t.Errorf("got %d, %v, %v, want %d", got, ok, err, id+2)
	}
	if _, ok, err := c.Asset(t.Context(), "s3://lakehouse/gold/daily_summary"); ok || err != nil {
		t.Errorf("found what only looks like it: %v, %v", ok, err)
	}
}

func TestAnExpiredTokenIsRenewedOnce(t *testing.T) {
	f := airflowtest.New(t, ranking)
	c := New(f.At())
	if _, _, err := c.Asset(t.Context(), ranking); err != nil {
		t.Fatal(err)
	}
	f.Set(func() { f.Token += 100 }) // as if another day had come
	if err := c.AddEvent(t.Context(), 1, map[string]any{"table": "gold.rankings"}); err != nil {
		t.Errorf("after the token ran out: %v", err)
	}
	if n := f.Made("POST /auth/token"); n != 2 || len(f.Told(1)) != 1 {
		t.Errorf("%d log-ins and %d events, want 2 and 1", n, len(f.Told(1)))
	}
	// An Airflow that takes no token at all is not asked for more and more of them.
	f.Set(func() {
		f.Refuse = func(r *http.Request) int {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				return http.StatusUnauthorized
			}
			return 0
		}
	})
	if err := c.AddEvent(t.Context(), 1, nil); !Refused(err, http.StatusUnauthorized) {
		t.Errorf("every token refused: %v", err)
	}
	if n := f.Made("POST /auth/token"); n != 3 {
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
		{"the request quoted", page(http.StatusUnprocessableEntity, `{"detail":[{"msg":"no","input":{"password":"`+airflowtest.Password+`"}}]}`), "422 Unprocessable Entity"},
		{"a page", page(http.StatusBadGateway, "<html>"+airflowtest.Password+"</html>"), "502 Bad Gateway"},
		{"no token", page(http.StatusOK, `{}`), "the address of an Airflow 3?"},
		{"no JSON", page(http.StatusOK, "<html>"), "read Airflow's answer to POST /auth/token"},
		{"more than anybody wants", page(http.StatusOK, `{"access_token":"`+strings.Repeat("x", 2*answerBytes)), "read Airflow's answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(tt.answer)
			defer s.Close()
			_, _, err := New(settings.Airflow{URL: s.URL, User: airflowtest.User, Password: airflowtest.Password}).Asset(t.Context(), ranking)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), airflowtest.Password) || len(err.Error()) > 400) {
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
	_, _, err := New(settings.Airflow{URL: s.URL, User: airflowtest.User, Password: airflowtest.Password}).Asset(t.Context(), ranking)
	if !Refused(err, http.StatusTemporaryRedirect) || body.Len() > 0 {
		t.Errorf("the log-in followed a redirect: %v, %q", err, body.String())
	}
	plain := &http.Request{URL: &url.URL{Scheme: "http", Host: "airflow-api-server:8080"}}
	if proxy, err := transport.(*http.Transport).Proxy(plain); proxy != nil || err != nil {
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
	c := New(settings.Airflow{URL: s.URL})
	if c.http.Timeout != requestTimeout {
		t.Errorf("calls may take %v", c.http.Timeout)
	}
	c.WithTimeout(20 * time.Millisecond)
	if _, _, err := c.Asset(t.Context(), ranking); err == nil || !strings.Contains(err.Error(), "call Airflow") {
		t.Errorf("no answer: %v", err)
	}
}

func TestHealthIsThatOfAllPartsAndNeedsNoLogIn(t *testing.T) {
	f := airflowtest.New(t)
	c := New(f.At())
	if err := c.Healthy(t.Context()); err != nil || f.Made("POST /auth/token") != 0 {
		t.Errorf("%v, %d log-ins", err, f.Made("POST /auth/token"))
	}
	f.Set(func() { f.Health["triggerer"] = "" })
	if err := c.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "triggerer") {
		t.Errorf("a part that does not run: %v", err)
	}
}

func TestAPoolIsMadeOnceAndAgainstOtherWriters(t *testing.T) {
	f := airflowtest.New(t)
	met := 0
	f.Refuse = func(r *http.Request) int {
		if r.URL.Path == "/api/v2/pools" && met < 2 {
			met++ // another writer of SQLite
			return http.StatusInternalServerError
		}
		return 0
	}
	c := New(f.At())
	for range 2 {
		if err := c.MakePool(t.Context(), Pool{Name: "coincap", Slots: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if f.Pools["coincap"] != 1 || f.Made("POST /api/v2/pools") != 4 {
		t.Errorf("pools are %v after %d calls", f.Pools, f.Made("POST /api/v2/pools"))
	}
	f.Set(func() { f.Refuse = func(*http.Request) int { return http.StatusForbidden } })
	if err := c.MakePool(t.Context(), Pool{Name: "coincap"}); !Refused(err, http.StatusForbidden) || !strings.Contains(err.Error(), "pool coincap") {
		t.Errorf("a refusal: %v", err)
	}
}

func TestTheNewestEventsComeFirst(t *testing.T) {
	f := airflowtest.New(t, ranking)
	f.Events[1] = []map[string]any{{"n": "1"}, {"n": "2"}, {"n": "3"}}
	events, err := New(f.At()).Events(t.Context(), 1, 2)
	if err != nil || len(events) != 2 || events[0]["n"] != "3" || events[1]["n"] != "2" {
		t.Errorf("%v, %v", events, err)
	}
}
