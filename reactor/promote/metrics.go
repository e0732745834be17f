package promote

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/reactor/drift"
	"millrace/reactor/event"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
)

// Metrics counts and times what promoters do.
type Metrics struct {
	events, dead, commits, rejected, credits *prometheus.CounterVec
	removed                                  *prometheus.CounterVec
	batchEvents, batchTime                   *prometheus.HistogramVec
	putToSilver, putToGold                   *prometheus.HistogramVec
	conflicts, ignored                       prometheus.Counter
	drifting, unknown                        *prometheus.GaugeVec
	drifted                                  *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	seconds := []float64{.005, .01, .02, .035, .05, .075, .1, .12, .15, .2, .35, .5, 1, 2, 5, 10, 30, 60, 300}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histograms := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"table"})
	}
	m := &Metrics{
		events:      counters("millrace_events_total", "Events handled, by outcome: done, retry (delivered again) or dead.", "table", "outcome"),
		dead:        counters("millrace_dead_letters_total", "Dead letters stored, by the class of their reason.", "class"),
		commits:     counters("millrace_commits_total", "Commits that changed a table.", "table"),
		rejected:    counters("millrace_rejected_rows_total", "Rows refused by decoding; an object that is decoded again counts again.", "table"),
		credits:     counters("millrace_api_credits_total", "API credits that the promoted objects cost, according to their metadata.", "table"),
		removed:     counters("millrace_removed_objects_total", "Object versions that were deleted from bronze and whose rows left silver.", "table"),
		batchEvents: histograms("millrace_batch_events", "Events in a batch.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096}),
		batchTime:   histograms("millrace_batch_duration_seconds", "Time from receiving a batch of events to the end of its commit.", seconds),
		putToSilver: histograms("millrace_put_to_silver_seconds", "Time from an object's put, by the store's clock, to the silver commit that shows it; live events only.", seconds),
		putToGold:   histograms("millrace_put_to_gold_seconds", "Time from an object's put, by the store's clock, to the gold commit that shows it, by silver table; live events only.", seconds),
		conflicts:   prometheus.NewCounter(prometheus.CounterOpts{Name: "millrace_commit_conflicts_total", Help: "Commits computed again because another commit came first."}),
		ignored:     prometheus.NewCounter(prometheus.CounterOpts{Name: "millrace_ignored_objects_total", Help: "Objects put into bronze that are not data: markers of folders and of other engines."}),
	}
	m.drifting = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "millrace_drifting_fields", Help: "Fields by which the newest objects differ from those before: gone, nulls (null in most rows), refused (one for the rows that are refused)."}, []string{"table", "what"})
	m.unknown = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "millrace_unknown_fields", Help: "Names of fields that no column knows, in the objects since the start; 256 at most of each kind."}, []string{"table"})
	m.drifted = counters("millrace_drifted_objects_total", "Objects that differ from those before, by how: gone, nulls or refused.", "table", "what")
	for _, class := range event.Classes {
		m.dead.WithLabelValues(string(class)) // shows 0 at once: an alert on an increase needs a first value
	}
	r.MustRegister(m.events, m.dead, m.commits, m.rejected, m.credits, m.removed, m.batchEvents, m.batchTime, m.putToSilver, m.putToGold, m.conflicts, m.ignored, m.drifting, m.unknown, m.drifted)
	return m
}

// Handled wraps a handler and measures its batches.
func (m *Metrics) Handled(table string, handle func(context.Context, []event.Delivery) []error) func(context.Context, []event.Delivery) []error {
	return func(ctx context.Context, batch []event.Delivery) []error {
		started := time.Now()
		errs := handle(ctx, batch)
		m.batchEvents.WithLabelValues(table).Observe(float64(len(batch)))
		m.batchTime.WithLabelValues(table).Observe(time.Since(started).Seconds())
		for i, d := range batch {
			action, _ := event.Outcome(errs[i], d.Attempt)
			m.events.WithLabelValues(table, action.String()).Inc()
		}
		return errs
	}
}

// Ignored counts an object that is not data.
func (m *Metrics) Ignored(event.Object) { m.ignored.Inc() }

// duplicates counts copies of events that the ledger answered.
func (m *Metrics) duplicates(table string, n int) {
	m.events.WithLabelValues(table, "duplicate").Add(float64(n))
}

// Buried counts a dead letter.
func (m *Metrics) Buried(_ string, reason error) {
	class := event.Other
	var dead *event.DeadError
	if errors.As(reason, &dead) && dead.Class != "" {
		class = dead.Class
	}
	m.dead.WithLabelValues(string(class)).Inc()
}

// promoted measures the time from put to silver for the objects of a committed batch.
func (m *Metrics) promoted(table string, batch []event.Delivery, errs []error, now time.Time) {
	for i, d := range batch {
		if errs[i] == nil && d.Run == "" {
			m.putToSilver.WithLabelValues(table).Observe(now.Sub(d.Object.ModifiedAt).Seconds())
		}
	}
}

// decoded counts the refused rows and the credits of a committed batch. A replay counts no credits: they were spent once.
func (m *Metrics) decoded(table string, batch []event.Delivery, errs []error, in *intake.Intake) {
	m.rejected.WithLabelValues(table).Add(float64(in.Refused))
	for i, d := range batch {
		if errs[i] == nil && d.Run == "" {
			m.credits.WithLabelValues(table).Add(float64(in.Credits[i]))
		}
	}
}

// retry repeats work after conflicts and counts them. After 20 attempts the events come back later.
func (m *Metrics) retry() lake.Retry { return lake.Retry{Attempts: 20, Conflict: m.conflicts.Inc} }

// countCommits counts the tables that a commit changed.
func (m *Metrics) countCommits(before *lake.View, next []*lake.Table) {
	for _, t := range next {
		if old := before.Tables[t.Name]; old == nil || old.Location != t.Location {
			m.commits.WithLabelValues(t.Name).Inc()
		}
	}
}

// drift shows how the objects of a table's dataset differ from those before.
func (m *Metrics) drift(table string, w drift.Watch, news drift.News) {
	standing := map[string]int{}
	for _, f := range w.Stands() {
		standing[f.What]++
	}
	for _, what := range drift.Kinds {
		m.drifting.WithLabelValues(table, what).Set(float64(standing[what]))
		m.drifted.WithLabelValues(table, what).Add(float64(news.Objects[what]))
	}
	m.unknown.WithLabelValues(table).Set(float64(w.Unknown()))
}
