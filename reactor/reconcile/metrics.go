package reconcile

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Scope says how much of bronze a pass lists.
type Scope string

// The scopes.
const (
	Everything Scope = "all"
	RecentDays Scope = "recent"
)

// Metrics counts what reconcile passes do.
type Metrics struct {
	missed   *prometheus.CounterVec
	objects  *prometheus.CounterVec
	failures *prometheus.CounterVec
	took     *prometheus.HistogramVec
	last     *prometheus.GaugeVec
	waiting  prometheus.Gauge

	mu     sync.Mutex
	passes Passes
}

// Passes are those since the start.
type Passes struct {
	// Count is how many ended well, Last is when the last of them did.
	Count int
	Last  time.Time
	// Missed is how many objects no event had brought.
	Missed int
	// Problem is why the last one failed, nil when it did not.
	Problem error
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		missed:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "millrace_missed_events_total", Help: "Objects in bronze that no event had brought, by cause; their events were published."}, []string{"cause"}),
		objects:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "millrace_reconcile_objects_total", Help: "Object versions listed by reconcile passes."}, []string{"scope"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "millrace_reconcile_failures_total", Help: "Reconcile passes that failed."}, []string{"scope"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "millrace_reconcile_duration_seconds", Help: "Time of a reconcile pass.", Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30, 100, 300, 1000},
		}, []string{"scope"}),
		last:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "millrace_reconcile_last_success_timestamp_seconds", Help: "When the last reconcile pass ended well."}, []string{"scope"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "millrace_reconcile_waiting_objects", Help: "Objects that the ledger lacks and the last pass left alone, because their events may be on their way."}),
	}
	for _, c := range Causes {
		m.missed.WithLabelValues(string(c)) // shows 0 at once: an alert on an increase needs a first value
	}
	r.MustRegister(m.missed, m.objects, m.failures, m.took, m.last, m.waiting)
	return m
}

// Passed counts a pass.
func (m *Metrics) Passed(scope Scope, found Found, took time.Duration, err error) {
	m.note(found, err)
	s := string(scope)
	m.objects.WithLabelValues(s).Add(float64(found.Objects))
	for cause, n := range found.Missed {
		m.missed.WithLabelValues(string(cause)).Add(float64(n))
	}
	if err != nil {
		m.failures.WithLabelValues(s).Inc()
		return
	}
	m.took.WithLabelValues(s).Observe(took.Seconds())
	m.last.WithLabelValues(s).SetToCurrentTime()
	m.waiting.Set(float64(found.Waiting))
}

// note keeps what Passes tells.
func (m *Metrics) note(found Found, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.passes.Missed += found.Total()
	if m.passes.Problem = err; err == nil {
		m.passes.Count++
		m.passes.Last = time.Now()
	}
}

// Passes tells of the passes since the start.
func (m *Metrics) Passes() Passes {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.passes
}
