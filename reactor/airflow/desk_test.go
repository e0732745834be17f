package airflow

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/airflow/airflowtest"
	"millrace/infra/settings"
	"millrace/tests/harness/buffer"
)

const (
	summaries = "s3://lakehouse/gold/daily_summary"
	ranking   = "s3://lakehouse/gold/rankings"
)

// desk is a reporter with what is around it: an Airflow, a catalog, a log.
type desk struct {
	*Reporter
	t        testing.TB
	registry *prometheus.Registry
	log      *buffer.Locked

	mu      sync.Mutex
	airflow settings.Airflow
	none    bool
	broken  error // of the look for Airflow
	catalog []Report
}

func newDesk(t testing.TB, at settings.Airflow, catalog ...Report) *desk {
	d := &desk{t: t, airflow: at, catalog: catalog, registry: prometheus.NewRegistry(), log: &buffer.Locked{}}
	d.Reporter = New("lakehouse", func() (settings.Airflow, bool, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.airflow, !d.none, d.broken
	}, func(context.Context) ([]Report, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return append([]Report(nil), d.catalog...), nil
	}, slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})), d.registry)
	return d
}

// commit is one of gold: the catalog has it, then the reporter hears of it.
func (d *desk) commit(r Report) {
	d.elsewhere(r)
	d.Add(r)
}

// elsewhere is a commit by another reactor.
func (d *desk) elsewhere(r Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range d.catalog {
		if c.Table == r.Table {
			d.catalog[i] = Report{Table: r.Table, SnapshotID: r.SnapshotID, Step: r.Step}
			return
		}
	}
	d.catalog = append(d.catalog, Report{Table: r.Table, SnapshotID: r.SnapshotID, Step: r.Step})
}

// goes is a round that finds Airflow and sends everything that it can.
func (d *desk) goes() {
	d.t.Helper()
	if found, err := d.round(d.t.Context()); !found || err != nil {
		d.t.Fatalf("round: %v, %v", found, err)
	}
}

// fails is a round that does not.
func (d *desk) fails(want string) {
	d.t.Helper()
	if found, err := d.round(d.t.Context()); !found || err == nil || !strings.Contains(err.Error(), want) {
		d.t.Fatalf("round: %v, %v, want an error with %q", found, err, want)
	}
}

// count is the metric of a table's outcome.
func (d *desk) count(table, outcome string) int {
	d.t.Helper()
	families, err := d.registry.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "millrace_airflow_reports_total" && labels["table"] == table && labels["outcome"] == outcome {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}

// told are the snapshots and days of an asset's events.
func told(f *airflowtest.Fake, id int) string {
	var events []string
	for _, extra := range f.Told(id) {
		text := fmt.Sprint(extra["snapshot_id"])
		if extra["days"] != nil {
			text += " " + fmt.Sprint(extra["days"])
		}
		events = append(events, text)
	}
	return strings.Join(events, ", ")
}

func want(t testing.TB, f *airflowtest.Fake, id int, events string) {
	t.Helper()
	if got := told(f, id); got != events {
		t.Errorf("asset %d has the events %q, want %q", id, got, events)
	}
}

func rankings(t testing.TB, n int64, changed ...string) Report {
	return Report{Table: "gold.rankings", SnapshotID: n, Step: n, Since: n - 1, Days: days(t, changed...)}
}
