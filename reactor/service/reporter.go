package service

import (
	"context"

	"millrace/reactor/airflow"
	"millrace/reactor/promote"
)

// reporter makes what tells Airflow of gold: of each commit, and of what gold is when the reactor starts, in case nobody
// could be told of the last one.
func (s *Service) reporter() *airflow.Reporter {
	current := func(ctx context.Context) ([]airflow.Report, error) {
		view, err := s.cfg.Lake.OwnView(ctx)
		if err != nil {
			return nil, err
		}
		var reports []airflow.Report
		for _, m := range s.cfg.Models.Models {
			if t := view.Tables[m.Name]; t != nil && t.Snapshot() != nil {
				reports = append(reports, airflow.Report{Table: t.Name, SnapshotID: t.SnapshotID(), Step: promote.StepOf(t)})
			}
		}
		return reports, nil
	}
	return airflow.New(s.cfg.Bucket.Name, s.cfg.Airflow, current, s.cfg.Log, s.registry)
}

// reportTo passes commits of gold on to the reporter.
func reportTo(r *airflow.Reporter) func(int64, []promote.Written) {
	return func(step int64, written []promote.Written) {
		for _, w := range written {
			r.Add(airflow.Report{Table: w.Table, SnapshotID: w.SnapshotID, Step: step, Days: w.Days, Since: w.Since})
		}
	}
}
