package upkeep

import (
	"maps"
	"slices"
	"sync"
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

	mu    sync.Mutex
	steps map[Work]Steps
	due   map[string]bool
}

// Steps are those of a kind of work that were finished since the start.
type Steps struct {
	Count int
	Last  time.Time
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{steps: map[Work]Steps{}, due: map[string]bool{}, took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
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
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps[w] = Steps{Count: m.steps[w].Count + 1, Last: time.Now()}
}

// rests records whether a pause ended before the upkeep of some tables was done.
func (m *Metrics) rests(tables []string, due bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range tables {
		if due {
			m.due[t] = true
		} else {
			delete(m.due, t)
		}
	}
}

// Steps returns what was finished since the start, and the tables whose upkeep the next pause goes on with.
func (m *Metrics) Steps() (finished map[Work]Steps, due []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.steps), slices.Sorted(maps.Keys(m.due))
}
