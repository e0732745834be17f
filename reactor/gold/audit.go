package gold

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// auditRows is how many of the rows that break an audit its error shows.
const auditRows = 10

// AuditError says that the rows computed must not be committed.
type AuditError struct {
	Audit   string
	Of      string // the model
	File    string
	Columns []string
	Rows    [][]string // the first of them, as text
	Total   int64
}

func (e *AuditError) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "audit %s of %s fails on %d rows (%s): gold stays as it is; mend the rows in bronze or the model", e.Audit, e.Of, e.Total, e.File)
	for _, r := range e.Rows {
		out.WriteString("\n  ")
		for i, v := range r {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(e.Columns[i] + " " + v)
		}
	}
	if int64(len(e.Rows)) < e.Total {
		out.WriteString("\n  …")
	}
	return out.String()
}

// audits gives what holds for every model, and the set's own audits, of the models that were written.
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

// grainAudit: one row for each grain, and none without.
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

// dayAudit: no day that none of the inputs has. The planner counts on it: it does not write days beyond the inputs'.
func dayAudit(m *Model) *Audit {
	var there []string
	for _, in := range m.Inputs {
		column := Day
		if strings.HasPrefix(in, silverPrefix) {
			column = silverDay
		}
		there = append(there, fmt.Sprintf("select %s from %s", column, in))
	}
	return &Audit{Name: m.Table() + "_days", Of: m.Name, File: m.File, SQL: fmt.Sprintf(
		"select distinct %[1]s from new_gold.%[2]s where %[1]s not in (%[3]s)", Day, m.Table(), strings.Join(there, " union all "))}
}

// silverDay is the day of a silver row, whatever its table.
const silverDay = "cast(observed_at as date)"

// audit runs the audits of the models that were written, over the days that were.
func (s *Set) audit(ctx context.Context, conn *duck.Conn, p plan.Plan, steps []*Model) error {
	audits := s.audits(steps)
	// Older days were audited when they were written.
	texts, counts, err := tally(ctx, conn, audits, func(a *Audit) plan.Days { return p.Write[a.Of] })
	if err != nil {
		return err
	}
	failed := slices.IndexFunc(counts, func(n int64) bool { return n > 0 })
	if failed < 0 {
		return nil
	}
	n := counts[failed]
	a := audits[failed]
	e := &AuditError{Audit: a.Name, Of: a.Of, File: a.File, Total: n}
	rows, err := conn.Query(ctx, fmt.Sprintf("select * from %s order by all limit %d", texts[failed], auditRows))
	if err != nil {
		return fmt.Errorf("audit %s: %w", a.Name, err)
	}
	defer rows.Close()
	for _, f := range rows.Schema().Fields() {
		e.Columns = append(e.Columns, f.Name)
	}
	for b, err := range rows.All() {
		if err != nil {
			return fmt.Errorf("audit %s: %w", a.Name, err)
		}
		e.Rows = append(e.Rows, textRows(b)...)
	}
	return e
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

// tally counts the rows that break each audit on its days. texts are the queries that give those rows.
func tally(ctx context.Context, conn *duck.Conn, audits []*Audit, days func(*Audit) plan.Days) (texts []string, counts []int64, err error) {
	counting := make([]string, len(audits))
	for i, a := range audits {
		texts = append(texts, fmt.Sprintf("(select * from %s where %s)", subquery(a.SQL), days(a).SQL(Day)))
		counting[i] = fmt.Sprintf("select %d as audit, count(*) as n from %s", i, texts[i])
	}
	// One statement counts for all: that there is nothing is the rule, and 14 statements cost 14 times as much to plan.
	rows, err := conn.Query(ctx, strings.Join(counting, "\nunion all "))
	if err != nil {
		return nil, nil, fmt.Errorf("audit gold: %w", err)
	}
	defer rows.Close()
	counts = make([]int64, len(audits))
	for b, err := range rows.All() {
		if err != nil {
			return nil, nil, fmt.Errorf("audit gold: %w", err)
		}
		for r := range int(b.NumRows()) {
			counts[b.Column(0).(*array.Int32).Value(r)] = b.Column(1).(*array.Int64).Value(r)
		}
	}
	return texts, counts, nil
}

// Finding is how many rows break an audit.
type Finding struct {
	Audit, Of string
	Rows      int64
}

// Audit runs all audits over some days of the tables silver.* and gold.* as they are on the connection.
func (s *Set) Audit(ctx context.Context, conn *duck.Conn, days plan.Days) ([]Finding, error) {
	sql := "create schema if not exists new_gold"
	for _, m := range s.Models {
		sql += fmt.Sprintf("; create or replace view new_gold.%[1]s as from gold.%[1]s", m.Table())
	}
	if err := conn.Exec(ctx, sql); err != nil {
		return nil, fmt.Errorf("audit gold: %w", err)
	}
	audits := s.audits(s.Models)
	_, counts, err := tally(ctx, conn, audits, func(*Audit) plan.Days { return days })
	if err != nil {
		return nil, err
	}
	findings := make([]Finding, len(audits))
	for i, a := range audits {
		findings[i] = Finding{Audit: a.Name, Of: a.Of, Rows: counts[i]}
	}
	return findings, nil
}
