// Package airflow is the way back from gold to the scheduler: it tells Airflow of each gold commit, as events of Assets,
// so that DAGs can wait for gold. It is never in the way of a commit: what Airflow cannot take now is merged and sent later.
package airflow

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/settings"
	"millrace/reactor/gold/plan"
)

// Report is what there is to tell of one gold table.
type Report struct {
	Table      string // gold.<name>
	SnapshotID int64
	Step       int64
	// Days are those that the snapshot changed; none when that is not known, because the reactor has just started.
	Days plan.Days
}

// lookAgain is how often a local Airflow is looked for while there is something to tell it: one look at a file.
const lookAgain = 5 * time.Second

// askAgain is how often what nobody asked for is offered again: a new Airflow knows its DAGs' Assets some seconds late.
const askAgain = 30 * time.Second

// unasked is the outcome for a table that no DAG names.
const unasked = "unasked"

// Reporter sends reports. Make it with New.
type Reporter struct {
	bucket string
	find   func() (settings.Airflow, bool, error)
	log    *slog.Logger
	sent   *prometheus.CounterVec
	wait   func(context.Context, time.Duration)

	mu      sync.Mutex
	pending map[string]Report // by table: the newest snapshot, and all days since the last one that Airflow knows of
	wake    chan struct{}
}

// New makes a reporter of the tables below s3://bucket/gold/. find tells where Airflow is, each time anew.
func New(bucket string, find func() (settings.Airflow, bool, error), log *slog.Logger, metrics prometheus.Registerer) *Reporter {
	r := &Reporter{
		bucket: bucket, find: find, log: log, pending: map[string]Report{}, wake: make(chan struct{}, 1),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_airflow_reports_total", Help: "Reports of gold commits to Airflow, by table and outcome.",
		}, []string{"table", "outcome"}),
		wait: func(ctx context.Context, d time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(d):
			}
		},
	}
	metrics.MustRegister(r.sent)
	return r
}

// Add takes in reports and returns at once. What was not sent yet is merged with them.
func (r *Reporter) Add(reports ...Report) {
	r.mu.Lock()
	for _, report := range reports {
		if old, waits := r.pending[report.Table]; waits && !old.Days.Empty() {
			report.Days = report.Days.Union(old.Days)
		}
		r.pending[report.Table] = report
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run sends what was added, until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	delay := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(time.Minute), backoff.WithMaxElapsedTime(0))
	var c *client
	away := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-time.After(askAgain):
		}
		for reports := r.take(); len(reports) > 0; reports = r.take() {
			at, ok, err := r.find()
			if err == nil && !ok {
				r.keep(reports)
				r.wait(ctx, lookAgain)
				if ctx.Err() != nil {
					return nil
				}
				continue
			}
			if err == nil {
				if c == nil || c.at != at {
					c = newClient(at)
				}
				reports, err = r.send(ctx, c, reports)
			}
			if ctx.Err() != nil {
				return nil
			}
			r.keep(reports)
			if err == nil {
				if away {
					r.log.Info("airflow is told of gold's commits again")
				}
				away = false
				delay.Reset()
				break
			}
			if !away {
				r.log.Warn("airflow cannot be told of gold's commits; it is tried again until it can", "error", err)
			}
			away = true
			r.wait(ctx, delay.NextBackOff())
		}
	}
}

// take is what waits, in the order of names.
func (r *Reporter) take() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	var reports []Report
	for _, name := range slices.Sorted(maps.Keys(r.pending)) {
		reports = append(reports, r.pending[name])
	}
	clear(r.pending)
	return reports
}

// keep puts back what could not be sent, below what came in since.
func (r *Reporter) keep(reports []Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range reports {
		newer, waits := r.pending[old.Table]
		if waits {
			newer.Days = newer.Days.Union(old.Days)
			old = newer
		}
		r.pending[old.Table] = old
	}
}

// send sends the reports and returns those that are left: by an error, or because no DAG asks for the table yet. One failure does not keep the other tables'
// reports from going out: an answer of 403 may be for one asset.
func (r *Reporter) send(ctx context.Context, c *client, reports []Report) (left []Report, err error) {
	for _, report := range reports {
		outcome, failed := r.sendOne(ctx, c, report)
		r.sent.WithLabelValues(report.Table, outcome).Inc()
		if failed != nil || outcome == unasked {
			left, err = append(left, report), errors.Join(err, failed)
		}
	}
	return left, err
}

func (r *Reporter) sendOne(ctx context.Context, c *client, report Report) (outcome string, err error) {
	id, ok, err := c.asset(ctx, "s3://"+r.bucket+"/gold/"+report.Table[len("gold."):])
	if err != nil {
		return "failed", err
	}
	if !ok {
		r.log.Debug("no DAG asks for this table", "table", report.Table)
		return unasked, nil
	}
	snapshot := strconv.FormatInt(report.SnapshotID, 10)
	// Whether a report went out before its reactor died, nobody but Airflow knows; and an answer that was lost is one more.
	last, err := c.lastSnapshot(ctx, id)
	if err != nil {
		return "failed", err
	}
	if last == snapshot {
		return "known", nil
	}
	if err := c.report(ctx, id, report.extra(snapshot)); err != nil {
		return "failed", err
	}
	return "sent", nil
}

// manyDays is from how many stretches of days on only their ends are told.
const manyDays = 50

// extra is what a DAG finds in the event. The snapshot is a text, because JSON's numbers are often read as doubles.
func (r Report) extra(snapshot string) map[string]any {
	extra := map[string]any{"table": r.Table, "snapshot_id": snapshot, "step": r.Step}
	if hull, ok := r.Days.Hull(); ok {
		extra["first_day"], extra["last_day"] = hull.From.String(), hull.To.String()
		days := r.Days
		if len(days.Ranges()) > manyDays {
			days = plan.Of(hull)
		}
		extra["days"] = days.String()
	}
	return extra
}
