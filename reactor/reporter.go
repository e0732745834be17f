package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/settings"
	"millrace/reactor/airflow"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
)

// reporter makes what tells Airflow of gold: of each commit, and of what gold is when the reactor starts, in case the last
// one could not any more.
func (c *runCmd) reporter(l *lake.Lake, set *gold.Set, registry *prometheus.Registry, log *slog.Logger) (*airflow.Reporter, error) {
	find := func() (settings.Airflow, bool, error) { return c.Find(c.Home) }
	if c.Airflow.URL != "" {
		// A wrong address ends the start. A file of the local stack does not: nothing here depends on that Airflow.
		if _, _, err := find(); err != nil {
			return nil, err
		}
	}
	current := func(ctx context.Context) ([]airflow.Report, error) {
		view, err := l.View(ctx)
		if err != nil {
			return nil, err
		}
		var reports []airflow.Report
		for _, m := range set.Models {
			if t := view.Tables[m.Name]; t != nil && t.Snapshot() != nil {
				reports = append(reports, airflow.Report{Table: t.Name, SnapshotID: t.SnapshotID(), Step: promote.StepOf(t)})
			}
		}
		return reports, nil
	}
	return airflow.New(c.Bucket, find, current, log, registry), nil
}

// reportTo passes commits of gold on to the reporter.
func reportTo(r *airflow.Reporter) func(int64, []promote.Written) {
	return func(step int64, written []promote.Written) {
		for _, w := range written {
			r.Add(airflow.Report{Table: w.Table, SnapshotID: w.SnapshotID, Step: step, Days: w.Days, Since: w.Since})
		}
	}
}
