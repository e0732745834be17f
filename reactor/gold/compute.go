package gold

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// chunkRows is the number of silver's rows that a step computes at once. DuckDB then needs at most some 150 MB for the widest
// model, and a rebuild of ten years of twenty assets is one chunk.
const chunkRows = 500_000

// earlyRows is the number of silver's rows up to which rows are written while the next model is computed. Beyond it, computing needs the
// memory for itself.
const earlyRows = 250_000

// minChunk is the least number of days in a chunk. Smaller chunks do not pay: each reads a lookback of up to a year again.
const minChunk = 92

// SpanSQL returns a condition for the relations silver.<table>, over their column of times. It limits them to the days that the
// model being computed reads. It compares times without a cast, so DuckDB skips blocks by their bounds and reads only a chunk of
// a table that does not fit into memory.
func SpanSQL(column string) string { return spanSQL(column, "timestamptz") }

// spanSQL returns a condition that limits a column to the connection's span: from span_from to before span_to, or all days if these
// variables are not set. With variables the views need not be made again for each model.
func spanSQL(column, kind string) string {
	return fmt.Sprintf("%[1]s >= coalesce(getvariable('span_from'), date '-infinity')::%[2]s and %[1]s < coalesce(getvariable('span_to'), date 'infinity')::%[2]s", column, kind)
}

// setSpan returns the statement that sets the span.
func setSpan(r plan.Range) string {
	return fmt.Sprintf("set variable span_from = date '%s'; set variable span_to = date '%s'", r.From, r.To+1)
}

const resetSpan = "reset variable span_from; reset variable span_to"

// Prepare makes the schemas that Compute works in.
func Prepare(ctx context.Context, conn *duck.Conn) error {
	return conn.Exec(ctx, "create schema if not exists silver; create schema if not exists gold; create schema if not exists old_gold; create schema if not exists new_gold")
}

// CreateTable returns the statement that makes an empty table with the model's columns, for example old_gold.<table>.
func (m *Model) CreateTable(name string) string { return createTable(name, m.Columns) }

// Compute computes the days that the plan writes.
//
// For each table that the plan reads, it needs a relation with at least the rows of the plan's Read days: silver.<table> with all
// columns, or old_gold.<table> with gold's present rows. If a model's columns changed, its old_gold.<table> is empty and has the
// new columns. Compute makes new_gold.<table> with the rows of the days written, and gold.<table> with what gold will be on the
// days read. The rows must pass Verify before they are committed.
//
// made, unless nil, is called for each model whose rows are complete; other connections may read new_gold.<table> from then on. It is
// called once at a time: before the next model is computed on the same connection, and at the end of a large step.
func (s *Set) Compute(ctx context.Context, conn *duck.Conn, p plan.Plan, made func(*Model)) error {
	if made == nil {
		made = func(*Model) {}
	}
	steps := s.steps(p)
	if len(steps) == 0 {
		return nil
	}
	if err := s.begin(ctx, conn, p, steps); err != nil {
		return err
	}
	days, rows, err := s.chunkDays(ctx, conn, p, steps)
	if err != nil {
		return err
	}
	all := plan.Days{}
	for _, m := range steps {
		all = all.Union(p.Write[m.Name])
	}
	chunks := all.Chunks(days)
	atOnce := len(chunks) == 1 && rows <= earlyRows
	if atOnce && s.Beside != nil && len(steps) > 1 {
		conns := []*duck.Conn{conn, s.Beside}
		if err := s.sideBySide(ctx, conns, p, steps, made); err != nil {
			return err
		}
		return showAll(ctx, conns...)
	}
	// Compute all models of a chunk before the next chunk. A model looks back, never ahead, so its input is there.
	for _, chunk := range chunks {
		for _, m := range steps {
			write := p.Write[m.Name].Intersect(chunk)
			if write.Empty() {
				continue
			}
			over := s.computing(m)
			err := s.step(ctx, conn, m, write)
			over()
			if err != nil {
				return err
			}
			if atOnce {
				made(m)
			}
		}
	}
	if err := showAll(ctx, conn); err != nil {
		return err
	}
	if !atOnce {
		for _, m := range steps {
			made(m)
		}
	}
	return nil
}

// computing tells Computing of a model, and returns what tells it that the model's SQL has ended.
func (s *Set) computing(m *Model) (over func()) {
	if s.Computing == nil {
		return func() {}
	}
	return s.Computing(m)
}

// showAll has the views of gold show all days to connections that have computed some.
func showAll(ctx context.Context, conns ...*duck.Conn) error {
	for _, conn := range conns {
		if err := conn.Exec(ctx, resetSpan); err != nil {
			return fmt.Errorf("show all days of gold: %w", err)
		}
	}
	return nil
}

// steps returns the models that the plan writes, in order.
func (s *Set) steps(p plan.Plan) []*Model {
	return slices.DeleteFunc(slices.Clone(s.Models), func(m *Model) bool { return p.Write[m.Name].Empty() })
}

// begin makes empty tables for the new rows, and for each table that the plan reads the view gold.<table>: the new rows, and the old
// rows of days that are not written. While a model is computed, the views show only the days of its lookback. So years of rows
// cost a step of one day nothing, and a model that reads more than its lookback does not work by chance.
func (s *Set) begin(ctx context.Context, conn *duck.Conn, p plan.Plan, steps []*Model) error {
	ctx, end := tracing.Span(ctx, "make tables")
	defer end()
	var sql strings.Builder
	for _, m := range steps {
		fmt.Fprintf(&sql, "drop table if exists new_gold.%[1]s; %[2]s;\n", m.Table(), m.CreateTable("new_gold."+m.Table()))
	}
	span := spanSQL(Day, "date")
	for _, m := range s.Models {
		if _, read := p.Read[m.Name]; !read {
			continue
		}
		write := p.Write[m.Name]
		fmt.Fprintf(&sql, "create or replace view gold.%[1]s as select * from old_gold.%[1]s where not (%[2]s) and %[3]s", m.Table(), write.SQL(Day), span)
		if !write.Empty() {
			fmt.Fprintf(&sql, " union all by name select * from new_gold.%s where %s", m.Table(), span)
		}
		sql.WriteString(";\n")
	}
	sql.WriteString(resetSpan)
	if err := conn.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("make gold's tables and views: %w", err)
	}
	return nil
}

// step computes one model's rows of some days. If they do not fit into memory, it computes halves.
func (s *Set) step(ctx context.Context, conn *duck.Conn, m *Model, write plan.Days) error {
	err := inHalves(ctx, write, nil, func(write plan.Days) error { return s.insert(ctx, conn, m, write) })
	return m.blamed(ctx, write, err)
}

// blamed says which model and days an error of the model's SQL came from. It wraps a *Failure if the model is to blame.
func (m *Model) blamed(ctx context.Context, write plan.Days, err error) error {
	if err = m.failed(ctx, m.File, err); err != nil {
		return fmt.Errorf("compute %s on %s: %w", m.Name, write, err)
	}
	return nil
}

// insert runs a model's SQL for some days.
func (s *Set) insert(ctx context.Context, conn *duck.Conn, m *Model, write plan.Days) error {
	ctx, end := tracing.Span(ctx, "model "+m.Name)
	defer end()
	hull, _ := write.Hull()
	span := plan.Range{From: hull.From - plan.Day(m.Lookback), To: hull.To}
	if err := conn.Exec(ctx, setSpan(span)); err != nil {
		return err
	}
	// The statement runs alone and begins on the model's first line, so DuckDB's line numbers are those of the model's file.
	return conn.Exec(ctx, fmt.Sprintf("insert into new_gold.%s by name select * from %s where %s", m.Table(), subquery(m.SQL), write.SQL(Day)))
}

// chunkDays returns the number of days to compute at once, and how many rows silver has that the plan reads; 0 if the days are so few
// that nobody needs to count.
func (s *Set) chunkDays(ctx context.Context, conn *duck.Conn, p plan.Plan, steps []*Model) (days, rows int, err error) {
	ctx, end := tracing.Span(ctx, "count rows")
	defer end()
	longest := 0
	for _, m := range steps {
		longest = max(longest, p.Write[m.Name].Len())
	}
	if longest <= minChunk {
		return minChunk, 0, nil
	}
	var counts []string
	for _, in := range s.Inputs {
		if _, read := p.Read[in.Name]; read {
			counts = append(counts, "(select count(*) from "+in.Name+")")
		}
	}
	if len(counts) > 0 {
		n, err := conn.Ints(ctx, "select "+strings.Join(counts, " + "))
		if err != nil {
			return 0, 0, fmt.Errorf("count silver's rows: %w", err)
		}
		rows = int(n[0])
	}
	if rows <= chunkRows {
		return longest + 1, rows, nil
	}
	return max(minChunk, int(int64(longest)*chunkRows/int64(rows))), rows, nil
}

// Changed compares a model's new rows of the days written with its old ones, as whole rows, and returns the days whose rows differ.
// It works on any connection of the database.
func (s *Set) Changed(ctx context.Context, conn *duck.Conn, p plan.Plan, m *Model) (plan.Days, error) {
	ctx, end := tracing.Span(ctx, "compare "+m.Name)
	defer end()
	var days []plan.Day
	err := inHalves(ctx, p.Write[m.Name], s.Calm, func(write plan.Days) error {
		some := write.SQL(Day)
		differing := duck.DifferenceSQL(m.ColumnNames(), fmt.Sprintf("new_gold.%s where %s", m.Table(), some), fmt.Sprintf("old_gold.%s where %s", m.Table(), some))
		return each(ctx, conn, fmt.Sprintf("select distinct %s from (%s)", Day, differing), func(b arrow.RecordBatch) {
			for r := range int(b.NumRows()) {
				days = append(days, plan.Day(b.Column(0).(*array.Date32).Value(r)))
			}
		})
	})
	if err != nil {
		return plan.Days{}, fmt.Errorf("compare new rows of %s with the old ones: %w", m.Name, m.failed(ctx, m.File, err))
	}
	return plan.Only(days...), nil
}
