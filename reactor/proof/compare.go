package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// Verdict is the result of a check for one table.
type Verdict struct {
	Table   string
	Rows    int64    // in the table
	Digest  string   // of the table's rows, in any order
	Missing int64    // rows that bronze gives and the table lacks
	Excess  int64    // rows that the table has and bronze does not give
	Wrong   []Wrong  // the first rows that differ
	Foreign *Foreign // if rows differ: another engine's latest snapshot; nil if there is none
	Cause   string   // the failure of its model, or of one that it reads, if that is the reason
}

// Equal tells whether the table has exactly the rows that bronze gives.
func (v Verdict) Equal() bool { return v.Missing == 0 && v.Excess == 0 && v.Cause == "" }

// comparison compares a table with a relation in DuckDB that has the same columns.
type comparison struct {
	conn     *duck.Conn
	lake     *lake.Lake
	table    *lake.Table // its current snapshot is compared
	expected string      // the relation that has the right rows
	key      []string    // columns that name a row
	columns  []string    // to compare; nil: all columns of the table
	column   string      // the table is partitioned by this column's month
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
		v.Foreign = foreign(c.table)
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
	difference := duck.DifferenceSQL(names, c.expected+" where "+p.where, "actual")
	if err := c.conn.Exec(ctx, "create or replace temp table difference as select "+keySQL(c.key)+" as key, "+duck.TimesColumn+" as n from ("+difference+")"); err != nil {
		return 0, err
	}
	r, err := c.conn.Query(ctx, `select (select count(*) from actual),
		(select (coalesce(sum(hash(actual)::hugeint), 0) % 18446744073709551616::hugeint)::ubigint from actual),
		(select coalesce(sum(n) filter (n > 0), 0)::bigint from difference), (select coalesce(-sum(n) filter (n < 0), 0)::bigint from difference)`)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for r.Next() {
		b := r.RecordBatch()
		v.Rows += b.Column(0).(*array.Int64).Value(0)
		digest = b.Column(1).(*array.Uint64).Value(0)
		v.Missing += b.Column(2).(*array.Int64).Value(0)
		v.Excess += b.Column(3).(*array.Int64).Value(0)
	}
	return digest, r.Err()
}

// partition is a part of a table that is compared alone: its files, and the condition that its rows meet.
type partition struct {
	where string
	files []lake.File
}

// partitions returns the months of the table and of the relation. If another engine changed the table's partitioning, the whole
// table is one part.
func (c comparison) partitions(ctx context.Context) ([]partition, error) {
	months, err := c.conn.Ints(ctx, fmt.Sprintf("select distinct %s from %s order by 1", lake.MonthSQL(c.column), c.expected))
	if err != nil {
		return nil, err
	}
	files, err := c.lake.Files(ctx, c.table, c.table.Snapshot(), lake.AllMonths)
	if err != nil {
		return nil, err
	}
	byMonth := map[int64][]lake.File{}
	for _, m := range months {
		byMonth[m] = nil
	}
	for _, f := range files {
		m, ok := f.Month()
		if !ok {
			return []partition{{"true", files}}, nil
		}
		byMonth[int64(m)] = append(byMonth[int64(m)], f)
	}
	var parts []partition
	for _, m := range slices.Sorted(maps.Keys(byMonth)) {
		first := time.Date(1970, time.Month(m+1), 1, 0, 0, 0, 0, time.UTC)
		// DuckDB finds a range by its own bounds without looking at every row. The text of a month's first day is valid for
		// dates and for timestamps in UTC.
		where := fmt.Sprintf("%[1]s >= '%[2]s' and %[1]s < '%[3]s'", c.column, first.Format(time.DateOnly), first.AddDate(0, 1, 0).Format(time.DateOnly))
		parts = append(parts, partition{where, byMonth[m]})
	}
	return parts, nil
}
