package upkeep

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Work is a kind of upkeep.
type Work string

// The kinds.
const (
	Files     Work = "files"     // small files of a month become one
	Manifests Work = "manifests" // a snapshot's manifests become one
	Orphans   Work = "orphans"   // objects that no table names are looked for and removed
)

// Metrics are what upkeep measures.
type Metrics struct {
	took *prometheus.HistogramVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "millrace_upkeep_duration_seconds", Help: "Time of a step of upkeep that was finished, by what it did.",
		Buckets: []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60},
	}, []string{"work"})}
	for _, w := range []Work{Files, Manifests, Orphans} {
		m.took.WithLabelValues(string(w)) // 0, not absent: nothing was done yet
	}
	r.MustRegister(m.took)
	return m
}

// finished records a step.
func (m *Metrics) finished(w Work, took time.Duration) {
	m.took.WithLabelValues(string(w)).Observe(took.Seconds())
}
