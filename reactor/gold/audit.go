package gold

import (
	"context"
	"fmt"
	"strings"

	"millrace/reactor/namespace"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// auditRows is the number of rows that an audit's failure shows.
const auditRows = 10

// Finding is the result of an audit.
type Finding struct {
	Audit   string
	Of      string // the model
	File    string
	Columns []string
	Rows    [][]string // the first rows that break the rule, as text
	Total   int64      // number of rows that break the rule
}

// Row returns one of Rows as text, each value after its column's name.
func (f Finding) Row(i int) string {
	parts := make([]string, len(f.Rows[i]))
	for c, v := range f.Rows[i] {
		parts[c] = f.Columns[c] + " " + v
	}
	return strings.Join(parts, ", ")
}

// AuditError says that computed rows must not be committed.
type AuditError Finding

func (e *AuditError) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "audit %s of %s fails on %d rows (%s): gold stays as it is; mend the rows in bronze or the model", e.Audit, e.Of, e.Total, e.File)
	for i := range e.Rows {
		out.WriteString("\n  " + Finding(*e).Row(i))
	}
	if int64(len(e.Rows)) < e.Total {
		out.WriteString("\n  …")
	}
	return out.String()
}

// AuditsOf returns the audits of a model: the ones that hold for every model, and the set's own.
func (s *Set) AuditsOf(m *Model) []*Audit { return s.audits([]*Model{m}) }

// audits returns the audits of the models that were written: the ones that hold for every model, and the set's own.
func (s *Set) audits(steps []*Model) []*Audit {
	var out []*Audit
	for _, m := range steps {
		out = append(out, grainAudit(m), dayAudit(m))
		for _, a := range s.Audits {
			if a.Of == m.Name {
				out = append(out, a)
			}
		}
	}
	return out
}

// auditFiles names the files of a model's own audits, or the model's file if it has none.
func (s *Set) auditFiles(m *Model) string {
	var files []string
	for _, a := range s.Audits {
		if a.Of == m.Name {
			files = append(files, a.File)
		}
	}
	if len(files) == 0 {
		return m.File
	}
	return strings.Join(files, " or ")
}

// grainAudit finds grains that have several rows, and rows with null in the grain.
func grainAudit(m *Model) *Audit {
	var nulls, grain []string
	for _, g := range m.Grain {
		grain = append(grain, duck.Identifier(g))
		nulls = append(nulls, duck.Identifier(g)+" is null")
	}
	columns := strings.Join(grain, ", ")
	return &Audit{Name: m.Table() + "_grain", Of: m.Name, File: m.File, SQL: fmt.Sprintf(
		"select %[1]s, count(*) as n_rows from new_gold.%[2]s group by %[1]s having count(*) > 1 or %[3]s", columns, m.Table(), strings.Join(nulls, " or "))}
}

// dayAudit finds days that no input has. The planner relies on it: it writes no days beyond those of the inputs.
func dayAudit(m *Model) *Audit {
	var there []string
	for _, in := range m.Inputs {
		column := Day
		if namespace.Silver.Has(in) {
			column = SilverDay
		}
		// Each day once: to look days up among two million rows took twice as long.
		there = append(there, fmt.Sprintf("select distinct %s from %s", column, in))
	}
	return &Audit{Name: m.Table() + "_days", Of: m.Name, File: m.File, SQL: fmt.Sprintf(
		"select distinct %[1]s from new_gold.%[2]s where %[1]s not in (%[3]s)", Day, m.Table(), strings.Join(there, " union all "))}
}

// Verify audits the rows that Compute made by the same plan. Older days were audited when they were written. It returns an
// *AuditError if rows break a rule.
func (s *Set) Verify(ctx context.Context, conn *duck.Conn, p plan.Plan) error {
	for _, m := range s.steps(p) {
		if _, err := s.VerifyModel(ctx, conn, p, m); err != nil {
			return err
		}
	}
	return nil
}

// VerifyModel does so for one model, once its rows are there, on any connection of the database. It returns what each audit found,
// also with an *AuditError.
func (s *Set) VerifyModel(ctx context.Context, conn *duck.Conn, p plan.Plan, m *Model) ([]Finding, error) {
	ctx, end := tracing.Span(ctx, "audit "+m.Name)
	defer end()
	var findings []Finding
	err := inHalves(ctx, p.Write[m.Name], s.Calm, func(days plan.Days) error {
		found, err := inspect(ctx, conn, s.audits([]*Model{m}), func(*Audit) plan.Days { return days })
		findings = together(findings, found)
		return err
	})
	if err != nil {
		return nil, m.failed(ctx, s.auditFiles(m), err)
	}
	for _, f := range findings {
		if f.Total > 0 {
			e := AuditError(f)
			return findings, &e
		}
	}
	return findings, nil
}

// together adds up what the same audits found on other days.
func together(all, more []Finding) []Finding {
	if len(all) == 0 {
		return more
	}
	for i, f := range more {
		all[i].Total += f.Total
		if all[i].Columns == nil {
			all[i].Columns = f.Columns
		}
		all[i].Rows = append(all[i].Rows, f.Rows[:min(len(f.Rows), auditRows-len(all[i].Rows))]...)
	}
	return all
}

// Audit runs all audits over some days of the connection's tables silver.* and gold.*, and returns a finding of each.
func (s *Set) Audit(ctx context.Context, conn *duck.Conn, days plan.Days) ([]Finding, error) {
	sql := "create schema if not exists new_gold"
	for _, m := range s.Models {
		sql += fmt.Sprintf("; create or replace view new_gold.%[1]s as from gold.%[1]s", m.Table())
	}
	if err := conn.Exec(ctx, sql); err != nil {
		return nil, fmt.Errorf("audit gold: %w", err)
	}
	return inspect(ctx, conn, s.audits(s.Models), func(*Audit) plan.Days { return days })
}

// inspect runs audits, each over its days, and returns their findings in the same order.
func inspect(ctx context.Context, conn *duck.Conn, audits []*Audit, days func(*Audit) plan.Days) ([]Finding, error) {
	findings := make([]Finding, len(audits))
	rows, counting := make([]string, len(audits)), make([]string, len(audits))
	for i, a := range audits {
		findings[i] = Finding{Audit: a.Name, Of: a.Of, File: a.File}
		rows[i] = fmt.Sprintf("(select * from %s where %s)", subquery(a.SQL), days(a).SQL(Day))
		counting[i] = fmt.Sprintf("select %d as audit, count(*) as n from %s", i, rows[i])
	}
	// One statement counts for all audits, because they usually find nothing.
	err := each(ctx, conn, strings.Join(counting, "\nunion all "), func(b arrow.RecordBatch) {
		for r := range int(b.NumRows()) {
			findings[b.Column(0).(*array.Int32).Value(r)].Total = b.Column(1).(*array.Int64).Value(r)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("audit gold: %w", err)
	}
	for i := range findings {
		f := &findings[i]
		if f.Total == 0 {
			continue
		}
		err := each(ctx, conn, fmt.Sprintf("select * from %s order by all limit %d", rows[i], auditRows), func(b arrow.RecordBatch) {
			if f.Columns == nil {
				for _, column := range b.Schema().Fields() {
					f.Columns = append(f.Columns, column.Name)
				}
			}
			f.Rows = append(f.Rows, textRows(b)...)
		})
		if err != nil {
			return nil, fmt.Errorf("audit %s: %w", f.Audit, err)
		}
	}
	return findings, nil
}

// each runs a query of few rows and calls a function with each batch.
func each(ctx context.Context, conn *duck.Conn, sql string, batch func(arrow.RecordBatch)) error {
	rows, err := conn.Few(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for b, err := range rows.All() {
		if err != nil {
			return err
		}
		batch(b)
	}
	return nil
}

func textRows(b arrow.RecordBatch) [][]string {
	out := make([][]string, b.NumRows())
	for r := range out {
		for c := range int(b.NumCols()) {
			out[r] = append(out[r], strings.Clone(b.Column(c).ValueStr(r)))
		}
	}
	return out
}
