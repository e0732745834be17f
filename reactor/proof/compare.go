package proof

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// Verdict is the result of a check for one table.
type Verdict struct {
	Table   string
	Rows    int64  // in the table
	Digest  string // of the table's rows, in any order
	Missing int64  // rows that bronze gives and the table lacks
	Excess  int64  // rows that the table has and bronze does not give
	// Repaired counts what a repair does to the rows.
	Repaired Repaired
	Months   []lake.Months // in which rows differ
	Days     int64         // in which rows differ; From and To are the first and the last of them, as 2006-01-02
	From, To string
	Wrong    []Wrong // the first rows that differ
	// Foreign is the snapshot in which another engine made the rows wrong; nil if none is known.
	Foreign *Foreign
	// Causes say why the table differs.
	Causes []string
	// Mends is the command that brings the table back to what bronze gives, or what to do where no command can; "" for a table that is
	// right.
	Mends string
	// Uncomputed says why there is nothing to compare with: a model cannot be computed. Mostly it is "".
	Uncomputed string
}

// Repaired counts rows by what a repair does to them.
type Repaired struct{ Inserted, Deleted, Updated int64 }

// Equal tells whether the table has exactly the rows that bronze gives.
func (v Verdict) Equal() bool { return v.Missing == 0 && v.Excess == 0 && v.Uncomputed == "" }

// comparison compares a table with a relation in DuckDB that has the same columns.
type comparison struct {
	conn     *duck.Conn
	lake     *lake.Lake
	table    *lake.Table // its current snapshot is compared
	expected string      // the relation that has the right rows
	key      []string    // columns that name a row
	columns  []string    // to compare; nil: all columns of the table
	column   string      // the time of a row: the table is compared month by month
}

// run compares one month at a time, so that memory holds at most one month of the table.
func (c comparison) run(ctx context.Context) (Verdict, error) {
	v := Verdict{Table: c.table.Name}
	parts, err := c.partitions(ctx)
	if err != nil {
		return v, err
	}
	var digest uint64
	for _, p := range parts {
		d, err := c.part(ctx, p, &v)
		if err == nil {
			err = c.wrong(ctx, &v)
		}
		if err != nil {
			return v, fmt.Errorf("compare %s: %w", c.table.Name, err)
		}
		digest += d // overflows on purpose: a sum is the same in any order
	}
	v.Digest = fmt.Sprintf("%016x", digest)
	if !v.Equal() {
		if v.Foreign, err = c.blame(ctx, v.Wrong); err != nil {
			return v, fmt.Errorf("find who changed %s: %w", c.table.Name, err)
		}
	}
	return v, c.conn.Exec(ctx, "drop table if exists actual; drop table if exists difference")
}

// only returns a function that keeps the named columns of a batch. A table may have columns of another engine.
func only(names []string) func(arrow.RecordBatch) arrow.RecordBatch {
	return func(b arrow.RecordBatch) arrow.RecordBatch {
		var fields []arrow.Field
		var columns []arrow.Array
		for i, f := range b.Schema().Fields() {
			if slices.Contains(names, f.Name) {
				fields, columns = append(fields, f), append(columns, b.Column(i))
			}
		}
		return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows())
	}
}

// part compares one partition, adds its counts to the verdict and returns the digest of its rows.
func (c comparison) part(ctx context.Context, p partition, v *Verdict) (digest uint64, err error) {
	names := c.columns
	if names == nil {
		names = lake.ColumnNames(c.table.Meta.CurrentSchema())
	}
	if err := c.conn.Exec(ctx, fmt.Sprintf("create or replace temp table actual as select %s from %s limit 0", duck.Identifiers("", names), c.expected)); err != nil {
		return 0, err
	}
	if _, err := rows.Insert(ctx, c.conn, "actual", rows.Source{Lake: c.lake, Table: c.table, Files: p.files, Change: only(names)}); err != nil {
		return 0, err
	}
	if err := c.compare(ctx, names, c.expected+" where "+p.months.SQL(c.column), "actual"); err != nil {
		return 0, err
	}
	r, err := c.conn.Query(ctx, `select (select count(*) from actual),
		(select (coalesce(sum(hash(actual)::hugeint), 0) % 18446744073709551616::hugeint)::ubigint from actual),
		(select coalesce(sum(n) filter (n > 0), 0)::bigint from difference), (select coalesce(-sum(n) filter (n < 0), 0)::bigint from difference),
		(select coalesce(sum(least(missing, excess)), 0)::bigint from (select sum(n) filter (n > 0) as missing, -sum(n) filter (n < 0) as excess from difference group by key)
			where missing > 0 and excess > 0),
		(select count(distinct day) from difference), (select coalesce(min(day)::varchar, '') from difference), (select coalesce(max(day)::varchar, '') from difference)`)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for r.Next() {
		b := r.RecordBatch()
		v.Rows += b.Column(0).(*array.Int64).Value(0)
		digest = b.Column(1).(*array.Uint64).Value(0)
		missing, excess, updated := b.Column(2).(*array.Int64).Value(0), b.Column(3).(*array.Int64).Value(0), b.Column(4).(*array.Int64).Value(0)
		v.Missing, v.Excess = v.Missing+missing, v.Excess+excess
		v.Repaired.Inserted, v.Repaired.Deleted, v.Repaired.Updated = v.Repaired.Inserted+missing-updated, v.Repaired.Deleted+excess-updated, v.Repaired.Updated+updated
		if missing+excess == 0 {
			continue
		}
		v.Months = append(v.Months, p.months)
		v.Days += b.Column(5).(*array.Int64).Value(0)
		first, last := strings.Clone(b.Column(6).(*array.String).Value(0)), strings.Clone(b.Column(7).(*array.String).Value(0))
		if v.From == "" || first < v.From {
			v.From = first
		}
		v.To = max(v.To, last)
	}
	return digest, r.Err()
}

// compare makes the table difference. It has the key and the day of the rows that one relation has more often than the other; n is how
// much more often: above zero where after has more.
func (c comparison) compare(ctx context.Context, names []string, after, before string) error {
	return c.conn.Exec(ctx, fmt.Sprintf("create or replace temp table difference as select %s as key, make_timestamp(epoch_us(%s))::date as day, %s as n from (%s)",
		keySQL(c.key), duck.Identifier(c.column), duck.TimesColumn, duck.DifferenceSQL(names, after, before)))
}

// partition is a part of a table that is compared alone: its files, and the months that its rows are of.
type partition struct {
	months lake.Months
	files  []lake.File
}

// partitions divides the table and the relation by months: a part has whole files, and whole months. A file whose months are not known
// makes all one part.
func (c comparison) partitions(ctx context.Context) ([]partition, error) {
	months, err := c.conn.Ints(ctx, fmt.Sprintf("select distinct %s from %s order by 1", lake.MonthSQL(c.column), c.expected))
	if err != nil {
		return nil, err
	}
	files, err := c.lake.Files(ctx, c.table, c.table.Snapshot(), lake.AllMonths)
	if err != nil {
		return nil, err
	}
	var all []partition
	for _, m := range months {
		all = append(all, partition{months: lake.Months{Lo: int(m), Hi: int(m)}})
	}
	for _, f := range files {
		m, _ := f.Months()
		all = append(all, partition{m, []lake.File{f}})
	}
	return apart(all), nil
}

// apart joins the parts that have months in common, and returns them in the order of time.
func apart(all []partition) []partition {
	slices.SortStableFunc(all, func(a, b partition) int { return cmp.Compare(a.months.Lo, b.months.Lo) })
	var parts []partition
	for _, p := range all {
		last := len(parts) - 1
		if last < 0 || !parts[last].months.Meet(p.months) {
			parts = append(parts, p)
			continue
		}
		parts[last].months.Hi = max(parts[last].months.Hi, p.months.Hi)
		parts[last].files = append(parts[last].files, p.files...)
	}
	return parts
}
