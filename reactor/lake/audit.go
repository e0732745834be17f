package lake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Audit is what the audits of a gold table found in the rows that one step computed. A step whose audits found rows was not
// committed; it has the same number as the one that was committed later, if any was.
type Audit struct {
	Table  string
	Step   int64
	Passed bool
	// Days is how many days of rows were looked at, First and Last the ends of their hull, as 2026-01-31; "" for no day.
	Days        int
	First, Last string
	Findings    []AuditFinding
	At          time.Time
}

// AuditFinding is what one audit found.
type AuditFinding struct {
	Audit string `json:"audit"`
	// Rows is how many rows break the rule.
	Rows int64 `json:"rows"`
	// Shown are the first of them, as text.
	Shown []string `json:"first_rows,omitempty"`
}

type auditRow struct {
	bun.BaseModel `bun:"table:millrace_audits"`
	TableName     string
	Step          int64
	Passed        bool
	Days          int
	FirstDay      string
	LastDay       string
	Findings      string
	AuditedUS     int64 `bun:"audited_us"`
}

func auditRowOf(a Audit) (auditRow, error) {
	findings, err := json.Marshal(a.Findings)
	return auditRow{
		TableName: a.Table, Step: a.Step, Passed: a.Passed, Days: a.Days, FirstDay: a.First, LastDay: a.Last,
		Findings: string(findings), AuditedUS: a.At.UnixMicro(),
	}, err
}

func (r auditRow) audit() (Audit, error) {
	a := Audit{Table: r.TableName, Step: r.Step, Passed: r.Passed, Days: r.Days, First: r.FirstDay, Last: r.LastDay, At: time.UnixMicro(r.AuditedUS).UTC()}
	if err := json.Unmarshal([]byte(r.Findings), &a.Findings); err != nil {
		return a, fmt.Errorf("read the audits of %s at step %d: %w", a.Table, a.Step, err)
	}
	return a, nil
}

// RecordAudits keeps what audits found, in the transaction of the step. A branch's are not kept: its steps have no numbers of main.
func (t *Tx) RecordAudits(ctx context.Context, audits []Audit) error {
	if t.branch != nil {
		return nil
	}
	for some := range slices.Chunk(audits, rowsAtOnce) {
		rows := make([]auditRow, len(some))
		for i, a := range some {
			var err error
			if rows[i], err = auditRowOf(a); err != nil {
				return fmt.Errorf("record the audits of %s: %w", a.Table, err)
			}
		}
		_, err := t.tx.NewInsert().Model(&rows).On("CONFLICT (table_name, step, passed) DO UPDATE").Set(`days = excluded.days, first_day = excluded.first_day,
			last_day = excluded.last_day, findings = excluded.findings, audited_us = excluded.audited_us`).Exec(ctx)
		if err != nil {
			return fmt.Errorf("record audits: %w", err)
		}
	}
	return nil
}

// RecordAudits keeps what audits found that stopped a commit.
func (l *Lake) RecordAudits(ctx context.Context, audits []Audit) error {
	if l.branch != nil || len(audits) == 0 {
		return nil
	}
	return l.catalog.write(ctx, func(tx *Tx) error { return tx.RecordAudits(ctx, audits) })
}

// forgetAudits drops what was found before a step, but for the last of each table.
func (t *Tx) forgetAudits(ctx context.Context, before int64) error {
	_, err := t.tx.ExecContext(ctx, `DELETE FROM millrace_audits WHERE step < ? AND step < (SELECT max(newer.step) FROM millrace_audits AS newer WHERE newer.table_name = millrace_audits.table_name)`, before)
	if err != nil {
		return fmt.Errorf("forget old audits: %w", err)
	}
	return nil
}

// Audits returns the last n steps in which the rows of a table were audited, the newest first.
func (l *Lake) Audits(ctx context.Context, table string, n int) ([]Audit, error) {
	var rows []auditRow
	if err := l.catalog.db.NewSelect().Model(&rows).Where("table_name = ?", table).OrderExpr("step DESC, audited_us DESC").Limit(n).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the audits of %s: %w", table, err)
	}
	audits := make([]Audit, len(rows))
	for i, r := range rows {
		var err error
		if audits[i], err = r.audit(); err != nil {
			return nil, err
		}
	}
	return audits, nil
}
