//go:build airflow

package airflow

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/market"
)

// api plays CoinCap as a test needs it: away, refusing, slow, or with other prices.
type api struct {
	*httptest.Server
	handler atomic.Pointer[http.Handler]
	calls   atomic.Int64
}

func newAPI(t *testing.T) *api {
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.calls.Add(1)
		(*a.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) set(h http.Handler) { a.handler.Store(&h) }

// env is the environment of programs that use this API.
func (a *api) env() []string {
	return []string{"COINCAP_API_KEY=" + apiKey, "COINCAP_BASE_URL=" + a.URL + "/v3"}
}

// away breaks every connection, as an API that is down does.
var away = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })

// now is the market's time during the whole test, so that the same call gets the same bytes.
var now = time.Now().UTC().Truncate(time.Second)

func day(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }

func simulator(t *testing.T, restated ...market.Restatement) http.Handler {
	t.Helper()
	s, err := coincap.NewSimulator(coincap.SimulatorConfig{Seed: 7, Now: func() time.Time { return now }, Restated: restated})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
