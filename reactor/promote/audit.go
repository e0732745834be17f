package promote

import (
	"context"
	"errors"
	"slices"
	"time"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

const (
	// shownRows is how many rows that break a rule the catalog keeps of each audit, and shownText how much of each, in bytes.
	shownRows, shownText = 3, 300
)

// auditOf is what a model's audits found, for the catalog.
func auditOf(m *gold.Model, days plan.Days, findings []gold.Finding) lake.Audit {
	a := lake.Audit{Table: m.Name, Passed: true, Days: days.Len()}
	if hull, ok := days.Hull(); ok {
		a.First, a.Last = hull.From.String(), hull.To.String()
	}
	for _, f := range findings {
		found := lake.AuditFinding{Audit: f.Audit, Rows: f.Total}
		for i := range min(len(f.Rows), shownRows) {
			row := f.Row(i)
			found.Shown = append(found.Shown, row[:min(len(row), shownText)])
		}
		a.Findings = append(a.Findings, found)
		a.Passed = a.Passed && f.Total == 0
	}
	return a
}

// audited is what the audits of a step found. Call it when all of them have ended.
func (w *work) audited(step int64, at time.Time) []lake.Audit {
	all := slices.Clone(w.audits)
	for i := range all {
		all[i].Step, all[i].At = step, at
	}
	return all
}

// stopped keeps what audits found that stopped a step, and returns the step's error. What passed beside them was not committed.
func (w *work) stopped(ctx context.Context, step int64, err error) error {
	var audit *gold.AuditError
	if !errors.As(err, &audit) || ctx.Err() != nil {
		return err
	}
	failed := slices.DeleteFunc(w.audited(step, w.cfg.now()), func(a lake.Audit) bool { return a.Passed })
	if kept := w.cfg.Lake.RecordAudits(ctx, failed); kept != nil {
		w.cfg.Log.Warn("cannot keep what an audit found; the console will not show it", "step", step, "error", kept)
	}
	return err
}
