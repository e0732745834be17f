// Package airflow tells Airflow of each gold commit, as events of Assets, so that DAGs can wait for gold. A commit never waits
// for it: what Airflow cannot take now is merged and sent later.
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
	// firstDelay and longestDelay bound the delay between attempts while Airflow fails. Chance adds up to a half to it, or takes
	// as much away, so it is at most a minute.
	firstDelay, longestDelay = time.Second, 40 * time.Second
	// alarming is how many failures in a row are logged as a warning. One is normal: an Airflow on SQLite answers 500 to a
	// request that meets another writer, and takes it a second later.
	alarming = 2
	// lookAgain is how often the reporter looks for a local Airflow while it has something to tell. It looks at one file.
	lookAgain = 5 * time.Second
	// askAgain is how often a report is offered again that no DAG has asked for. An Airflow that has just started answers some
	// seconds before it knows its DAGs, and so their assets.
	askAgain = 30 * time.Second
	// recentEvents is how many events are searched for the last report: people and tasks may add events of their own to an asset.
	recentEvents = 20
)

// The outcomes of a report, as the metric names them.
const (
	sent    = "sent"
	known   = "known"   // Airflow's last event tells of this snapshot already
	unasked = "unasked" // no DAG names the table
	failed  = "failed"  // to be tried again
)

// Reporter sends reports. Make it with New.
//
// A reporter stores nothing: Airflow's own events tell what Airflow knows. When it starts, or finds another Airflow, it compares
// the last event of each table with the table's current snapshot. So each snapshot that stays current is reported at least
// once, and one that Airflow knows is not reported again.
type Reporter struct {
	bucket  string
	find    func() (settings.Airflow, bool, error)
	current func(context.Context) ([]Report, error)
	log     *slog.Logger
	reports *prometheus.CounterVec

	client   *airflow.Client // of the Airflow that was found last
	compared bool            // whether each table's snapshot was compared with that Airflow's last event, or waits to be
	// rest waits for d, or for ever if d is 0. The end of ctx and a value from wake, unless that is nil, end it early.
	rest func(ctx context.Context, d time.Duration, wake <-chan struct{})

	wholeOffered bool // whether an Airflow of which no DAG names the asset of all gold was offered it last

	mu       sync.Mutex
	pending  map[string]Report // by table: one each, however long Airflow is away
	wholeDue bool              // whether gold as a whole may be news
	wake     chan struct{}
}

// New returns a reporter of the tables below s3://bucket/gold/. find returns where Airflow is now; current returns the snapshots
// that the tables have in the catalog now.
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

// Add takes in reports and returns at once. It merges them with those that were not sent yet.
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
				r.log.Warn("cannot report gold's commits to airflow; trying again until it succeeds", "error", err)
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

// untilNext returns when there is something to do again without a commit; 0 is never.
func (r *Reporter) untilNext() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending) > 0 {
		return askAgain
	}
	return 0
}

// round sends what there is to report, once. found is false if there is no Airflow.
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

// take removes what waits and returns it in the order of names. The catalog is right: if another reactor has written a table
// since, its newer snapshot is reported in place of the older one that waits here.
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

// send sends the reports and returns those that are left: those that failed, and those of tables that no DAG asks for yet. If
// Airflow refuses one, the others are sent all the same, because the refusal may be about that asset. If it does not answer,
// the others are left as well.
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

// sendOne sends a report, unless Airflow's last event is of that snapshot. Only Airflow knows whether a report went out before
// its reactor died, or came through although the answer was lost.
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

// lastSnapshot returns the snapshot of the asset's last report, "" if there is none.
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
