// Package airflow is the way back from gold to the scheduler: it tells Airflow of each gold commit, as events of Assets,
// so that DAGs can wait for gold. It is never in the way of a commit: what Airflow cannot take now is merged and sent later.
package airflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/airflow"
	"millrace/infra/settings"
)

const (
	// firstDelay and longestDelay are those between attempts while Airflow fails, to which chance adds or from which it takes
	// up to a half: at most a minute.
	firstDelay, longestDelay = time.Second, 40 * time.Second
	// alarming is how many failures in a row are worth a warning: an Airflow on SQLite answers 500 to a request that meets
	// another writer, and takes it a second later.
	alarming = 2
	// lookAgain is how often a local Airflow is looked for while there is something to tell it: one look at a file.
	lookAgain = 5 * time.Second
	// askAgain is how often what nobody asked for is offered again. An Airflow that has just started answers some seconds
	// before it knows its DAGs, and so their assets.
	askAgain = 30 * time.Second
	// recentEvents is how far back the last report is looked for: people and tasks may add events of their own to an asset.
	recentEvents = 20
)

// What became of a report, as the metric has it.
const (
	sent    = "sent"
	known   = "known"   // Airflow's last event tells of this snapshot already
	unasked = "unasked" // no DAG names the table
	failed  = "failed"  // to be tried again
)

// Reporter sends reports. Make it with New.
//
// Nothing of it is stored: what Airflow knows, its own events tell. A reporter that starts, or finds another Airflow, holds
// the last event of each table against the snapshot that the table has then. So each snapshot that stays the current one
// is reported at least once, and one that is known not again.
type Reporter struct {
	bucket  string
	find    func() (settings.Airflow, bool, error)
	current func(context.Context) ([]Report, error)
	log     *slog.Logger
	reports *prometheus.CounterVec

	client   *airflow.Client // of the Airflow that was found last
	compared bool            // whether each table's snapshot was held against that Airflow's last event, or waits for it
	// rest waits for d, or for ever when d is 0, until ctx ends or, unless that is nil, wake brings something.
	rest func(ctx context.Context, d time.Duration, wake <-chan struct{})

	wholeOffered bool // whether an Airflow of which no DAG names the asset of all gold was offered it last

	mu       sync.Mutex
	pending  map[string]Report // by table: one each, however long Airflow is away
	wholeDue bool              // whether gold as a whole may be news
	wake     chan struct{}
}

// New makes a reporter of the tables below s3://bucket/gold/. find tells where Airflow is, each time anew; current tells
// what the catalog says the tables are at that moment.
func New(bucket string, find func() (settings.Airflow, bool, error), current func(context.Context) ([]Report, error), log *slog.Logger, metrics prometheus.Registerer) *Reporter {
	r := &Reporter{
		bucket: bucket, find: find, current: current, log: log, rest: rest,
		pending: map[string]Report{}, wake: make(chan struct{}, 1),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_airflow_reports_total", Help: "Reports of gold commits to Airflow, by table and outcome.",
		}, []string{"table", "outcome"}),
	}
	metrics.MustRegister(r.reports)
	return r
}

// Add takes in reports and returns at once. What was not sent yet is merged with them.
func (r *Reporter) Add(reports ...Report) {
	r.mu.Lock()
	for _, report := range reports {
		if earlier, waits := r.pending[report.Table]; waits {
			report = earlier.then(report)
		}
		r.pending[report.Table] = report
	}
	r.wholeDue = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run sends what there is to report, until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	delay := backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstDelay), backoff.WithMaxInterval(longestDelay), backoff.WithMaxElapsedTime(0))
	failures := 0 // in a row
	for ctx.Err() == nil {
		found, err := r.round(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if failures++; failures == alarming {
				r.log.Warn("airflow cannot be told of gold's commits; it is tried again until it can", "error", err)
			}
			r.rest(ctx, delay.NextBackOff(), nil)
		case !found:
			delay.Reset()
			r.rest(ctx, lookAgain, nil)
		default:
			if failures >= alarming {
				r.log.Info("airflow is told of gold's commits again")
			}
			failures = 0
			delay.Reset()
			r.rest(ctx, r.untilNext(), r.wake)
		}
	}
	return nil
}

// untilNext is when there is something to do again without a commit; 0 is never.
func (r *Reporter) untilNext() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending) > 0 {
		return askAgain
	}
	return 0
}

// round sends what there is to report, once; found is false when there is no Airflow.
func (r *Reporter) round(ctx context.Context) (found bool, err error) {
	if r.client != nil && r.compared && !r.due() {
		return true, nil
	}
	at, found, err := r.find()
	if err != nil || !found {
		return found, err
	}
	if r.client == nil || r.client.At() != at {
		r.client, r.compared = airflow.New(at), false
	}
	now, err := r.current(ctx)
	if err != nil {
		return true, fmt.Errorf("read what to report: %w", err)
	}
	left, err := r.send(ctx, r.take(now))
	r.putBack(left)
	if err != nil {
		return true, err
	}
	return true, r.sendWhole(ctx, now)
}

// due reports whether anything waits to be told.
func (r *Reporter) due() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending) > 0 || r.wholeDue
}

// take takes what waits, in the order of names. What the catalog says is the truth: of a table that another reactor has
// written since, the older snapshot must not come after the newer one.
func (r *Reporter) take(now []Report) []Report {
	r.mu.Lock()
	waiting := r.pending
	r.pending = map[string]Report{}
	r.wholeDue = r.wholeDue || !r.compared
	r.mu.Unlock()
	for _, n := range now {
		n.Since = n.SnapshotID
		if w, waits := waiting[n.Table]; waits && w.Step < n.Step || !waits && !r.compared {
			waiting[n.Table] = n
		}
	}
	r.compared = true
	var reports []Report
	for _, table := range slices.Sorted(maps.Keys(waiting)) {
		reports = append(reports, waiting[table])
	}
	return reports
}

// putBack keeps what could not be sent, below what came in since.
func (r *Reporter) putBack(reports []Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, report := range reports {
		if later, waits := r.pending[report.Table]; waits {
			report = report.then(later)
		}
		r.pending[report.Table] = report
	}
}

// send sends the reports and returns those that are left, by a failure or because no DAG asks for the table yet. An answer
// that refuses one table keeps no other back, it may be about that asset; no answer at all does.
func (r *Reporter) send(ctx context.Context, reports []Report) (left []Report, first error) {
	for i, report := range reports {
		outcome, err := r.sendOne(ctx, report)
		if !report.offered || outcome != unasked {
			r.reports.WithLabelValues(report.Table, outcome).Inc()
		}
		switch {
		case err != nil:
			left = append(left, report)
			if first == nil {
				first = fmt.Errorf("report %s: %w", report.Table, err)
			}
			var answer *airflow.Refusal
			if !errors.As(err, &answer) || !r.client.LoggedIn() {
				return append(left, reports[i+1:]...), first
			}
		case outcome == unasked:
			if !report.offered {
				r.log.Debug("no DAG asks for this table", "table", report.Table, "asset", report.uri(r.bucket))
			}
			report.offered = true
			left = append(left, report)
		}
	}
	return left, first
}

// sendOne sends a report, unless Airflow's last event is of that snapshot: whether it went out before its reactor died, or
// came through although the answer was lost, only Airflow knows.
func (r *Reporter) sendOne(ctx context.Context, report Report) (outcome string, err error) {
	id, ok, err := r.client.Asset(ctx, report.uri(r.bucket))
	if err != nil {
		return failed, err
	}
	if !ok {
		return unasked, nil
	}
	last, err := r.lastSnapshot(ctx, id)
	if err != nil {
		return failed, err
	}
	if last == report.snapshot() {
		return known, nil
	}
	if err := r.client.AddEvent(ctx, id, report.extra(last)); err != nil {
		return failed, err
	}
	return sent, nil
}

// lastSnapshot is the snapshot that the asset's last report tells of, "" when there is none.
func (r *Reporter) lastSnapshot(ctx context.Context, asset int) (string, error) {
	events, err := r.client.Events(ctx, asset, recentEvents)
	if err != nil {
		return "", err
	}
	for _, extra := range events {
		if snapshot, ok := extra["snapshot_id"].(string); ok {
			return snapshot, nil
		}
	}
	return "", nil
}

func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	var over <-chan time.Time
	if d > 0 {
		over = time.After(d)
	}
	select {
	case <-ctx.Done():
	case <-over:
	case <-wake:
	}
}
