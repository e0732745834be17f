package promote

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/event"
)

// Metrics are what promoters measure.
type Metrics struct {
	events    *prometheus.CounterVec
	batches   *prometheus.HistogramVec
	lag       *prometheus.HistogramVec
	conflicts prometheus.Counter
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	seconds := []float64{.005, .01, .02, .035, .05, .075, .1, .12, .15, .2, .35, .5, 1, 2, 5, 10, 30, 60, 300}
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_events_total", Help: "Events worked on, by table and outcome.",
		}, []string{"table", "outcome"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "millrace_commit_seconds", Help: "Time from a batch of events to its commit.", Buckets: seconds,
		}, []string{"table"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "millrace_put_to_table_seconds", Help: "Time from an object's put to the commit that shows it; live events only.", Buckets: seconds,
		}, []string{"table"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_commit_conflicts_total", Help: "Commits worked out again because another came first.",
		}),
	}
	r.MustRegister(m.events, m.batches, m.lag, m.conflicts)
	return m
}

// duplicates records copies that the ledger answered.
func (m *Metrics) duplicates(table string, n int) {
	m.events.WithLabelValues(table, "duplicate").Add(float64(n))
}

// batch records a batch of events of one table.
func (m *Metrics) batch(table string, batch []event.Delivery, errs []error, took time.Duration, now time.Time) {
	m.batches.WithLabelValues(table).Observe(took.Seconds())
	for i, d := range batch {
		action, _ := event.Outcome(errs[i], d.Attempt)
		m.events.WithLabelValues(table, action.String()).Inc()
		if action == event.Done && d.Run == "" {
			m.lag.WithLabelValues(table).Observe(now.Sub(d.Object.ModifiedAt).Seconds())
		}
	}
}
