package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a server measures.
type metrics struct {
	took *prometheus.HistogramVec
}

// newMetrics makes the metrics and registers them, unless r is nil.
func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "millrace_iceberg_call_seconds", Help: "Time of a call of the Iceberg REST catalog, by method and path of the API and by the answer's status.",
		Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30},
	}, []string{"call", "status"})}
	if r != nil {
		r.MustRegister(m.took)
	}
	return m
}

// timed measures a call. The name is that of the endpoint: a path would make as many series as there are tables.
func (m metrics) timed(call string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, seen := time.Now(), &status{ResponseWriter: w, code: http.StatusOK}
		h.ServeHTTP(seen, r)
		m.took.WithLabelValues(call, strconv.Itoa(seen.code)).Observe(time.Since(began).Seconds())
	})
}

// status remembers an answer's status.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController find the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
