package gold

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"millrace/reactor/namespace"

	"github.com/apache/arrow-go/v18/arrow"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

const (
	// sampledDays is the number of random days that VerifyLookback computes; sampledGaps that of days after a hole. With 6 and 4, one of
	// 1,199 windows was taken that is wrong on a day of forty: rows of a week, counted over holes.
	sampledDays, sampledGaps = 8, 16
	// shownRows is the number of differing rows that a failure shows.
	shownRows = 3
)

// VerifyLookback checks a model's lookback after Compute has made all of its days. It computes some days again, from the days of
// the lookback alone, and some of these from rows in another order. The rows must be those that Compute made from everything;
// otherwise steps would make other rows than a rebuild, and VerifyLookback returns a *Failure with the rows that differ. It works
// on any connection of the database.
func (s *Set) VerifyLookback(ctx context.Context, conn *duck.Conn, p plan.Plan, m *Model) error {
	ctx, end := tracing.Span(ctx, "verify "+m.Name)
	defer end()
	if p.Write[m.Name].Empty() {
		return nil
	}
	days, err := s.sample(ctx, conn, m)
	if err != nil {
		return fmt.Errorf("choose days to verify %s: %w", m.Name, err)
	}
	other, err := s.inOtherOrder(ctx, conn, m)
	if err != nil {
		return fmt.Errorf("order the rows to verify %s: %w", m.Name, err)
	}
	for i, day := range days {
		if !p.Write[m.Name].Contains(day) {
			continue
		}
		reads := fmt.Sprintf("the %d days of its lookback before it", m.Lookback)
		if m.Lookback == plan.AllDays {
			reads = "the days before it"
		}
		failure := fmt.Sprintf("its rows of %s differ when computed from that day and %s instead of all days: write the `-- lookback: … days` that it needs, or `-- lookback: all`, and read no later days", day, reads)
		if err := s.verifyDay(ctx, conn, m, trial{m.SQL, day, failure}); err != nil {
			return err
		}
		if other != "" && i < 3 {
			failure := fmt.Sprintf("its rows of %s depend on the order of its input: end each order by with columns that leave no ties", day)
			if err := s.verifyDay(ctx, conn, m, trial{other, day, failure}); err != nil {
				return err
			}
		}
	}
	return conn.Exec(ctx, resetSpan)
}

// trial is SQL that must give the same rows of a day as Compute; failure says what is wrong if it does not.
type trial struct {
	sql     string
	day     plan.Day
	failure string
}

// verifyDay computes a day from the days of the lookback and compares the rows with Compute's.
func (s *Set) verifyDay(ctx context.Context, conn *duck.Conn, m *Model, try trial) error {
	day, failure := try.day, try.failure
	if err := conn.Exec(ctx, setSpan(plan.Range{From: day - plan.Day(m.Lookback), To: day})); err != nil {
		return err
	}
	on := plan.Only(day).SQL(Day)
	differing := duck.DifferenceSQL(m.ColumnNames(), fmt.Sprintf("(select * from %s where %s)", subquery(try.sql), on), fmt.Sprintf("(select * from new_gold.%s where %s)", m.Table(), on))
	var columns []string
	var rows [][]string
	err := each(ctx, conn, fmt.Sprintf("from (%s) order by all limit %d", differing, shownRows), func(b arrow.RecordBatch) {
		columns = nil
		for _, f := range b.Schema().Fields() {
			columns = append(columns, f.Name)
		}
		rows = append(rows, textRows(b)...)
	})
	if err != nil {
		return fmt.Errorf("verify %s on %s: %w", m.Name, day, m.failed(ctx, m.File, err))
	}
	if len(rows) == 0 {
		return nil
	}
	for _, r := range rows {
		times := len(r) - 1
		from := "from everything"
		if !strings.HasPrefix(r[times], "-") {
			from = "from less"
		}
		failure += "\n  " + from + ": " + Finding{Columns: columns[:times], Rows: [][]string{r[:times]}}.Row(0)
	}
	return &Failure{Model: m.Name, File: m.File, Line: lineOf(m.SQL, "-- lookback"), Reason: failure, Unverified: true}
}

// sample chooses days of a model's rows or inputs: the first, the last, some that follow a hole in the model's rows, and others by
// their hash, so that each run takes the same days.
func (s *Set) sample(ctx context.Context, conn *duck.Conn, m *Model) ([]plan.Day, error) {
	all := fmt.Sprintf("select distinct %s as day from new_gold.%s", Day, m.Table())
	for _, in := range m.Inputs {
		column := Day
		if namespace.Silver.Has(in) {
			column = SilverDay
		}
		all += fmt.Sprintf(" union select distinct %s as day from %s", column, in)
	}
	things := slices.DeleteFunc(slices.Clone(m.Grain), func(c string) bool { return c == Day })
	partition := ""
	if len(things) > 0 {
		partition = "partition by " + duck.Identifiers("", things) + " "
	}
	holes := fmt.Sprintf("select distinct day from (select %[1]s as day, %[1]s - lag(%[1]s) over (%[2]sorder by %[1]s) as gap from new_gold.%[3]s) where gap > 1", Day, partition, m.Table())
	if err := conn.Exec(ctx, resetSpan); err != nil {
		return nil, err
	}
	numbers, err := conn.Ints(ctx, fmt.Sprintf(`with d as materialized (%s), chosen as (
		(select max(day) as day, 0 as n from d) union all (select min(day), 4 from d)
		union all (select day, 1 from (%s) order by hash(day) limit %d) union all (select day, 2 from d order by hash(day) limit %d))
		select (day - date '1970-01-01')::bigint from chosen where day is not null group by day order by min(n), hash(day)`, all, holes, sampledGaps, sampledDays))
	if err != nil {
		return nil, err
	}
	days := make([]plan.Day, len(numbers))
	for i, n := range numbers {
		days[i] = plan.Day(n)
	}
	return days, nil
}

var (
	tableInSQL = regexp.MustCompile(`(?i)\b(silver|gold)(\s*\.\s*)`)
	textInSQL  = regexp.MustCompile(`(?i)'[^']*\b(silver|gold)\s*\.`)
)

// inOtherOrder makes views of a model's inputs with the rows in another order, and returns the model's SQL over these views. It
// returns "" if a text in the SQL looks like a table's name.
func (s *Set) inOtherOrder(ctx context.Context, conn *duck.Conn, m *Model) (string, error) {
	if textInSQL.MatchString(m.SQL) {
		return "", nil
	}
	sql := "create schema if not exists reordered_silver; create schema if not exists reordered_gold"
	for _, in := range m.Inputs {
		sql += fmt.Sprintf("; create or replace view reordered_%[1]s as select * from %[1]s as t order by hash(t) desc", in)
	}
	return tableInSQL.ReplaceAllString(m.SQL, "reordered_$1$2"), conn.Exec(ctx, sql)
}
