package promote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// Verdict is what a check found out about one table.
type Verdict struct {
	Table   string
	Rows    int64  // in the table
	Digest  string // of the table's rows, whatever their order
	Missing int64  // rows that bronze gives and the table lacks
	Excess  int64  // rows that the table has and bronze does not give
}

// Equal tells whether the table is what bronze gives.
func (v Verdict) Equal() bool { return v.Missing == 0 && v.Excess == 0 }

// compare holds a table at a snapshot against a relation of the connection's with the same columns, a month at a time, so
// that memory holds one month of the table at most.
func compare(ctx context.Context, conn *duck.Conn, l *lake.Lake, t *lake.Table, s *table.Snapshot, expected, column string) (Verdict, error) {
	v := Verdict{Table: t.Name}
	parts, err := partitions(ctx, conn, l, t, s, expected, column)
	if err != nil {
		return v, err
	}
	columns := columnList(t.Meta.CurrentSchema())
	var digest uint64
	for _, p := range parts {
		if err := conn.Exec(ctx, fmt.Sprintf("create or replace temp table actual as select %s from %s limit 0", columns, expected)); err != nil {
			return v, err
		}
		if err := insertFiles(ctx, conn, l, t, s, p.files); err != nil {
			return v, err
		}
		// Rows that are on one side only, or more often there, by one grouping: to take each side from the other would
		// group everything four times.
		if err := conn.Exec(ctx, fmt.Sprintf(`create or replace temp table difference as select sum(side) as n from
			(select %[1]s, 1 as side from %[2]s where %[3]s union all select %[1]s, -1 from actual) group by %[1]s having sum(side) <> 0`, columns, expected, p.where)); err != nil {
			return v, fmt.Errorf("compare %s: %w", t.Name, err)
		}
		r, err := conn.Query(ctx, `select (select count(*) from actual),
			(select (coalesce(sum(hash(actual)::hugeint), 0) % 18446744073709551616::hugeint)::ubigint from actual),
			(select coalesce(sum(n) filter (n > 0), 0)::bigint from difference), (select coalesce(-sum(n) filter (n < 0), 0)::bigint from difference)`)
		if err != nil {
			return v, fmt.Errorf("compare %s: %w", t.Name, err)
		}
		for r.Next() {
			b := r.RecordBatch()
			v.Rows += b.Column(0).(*array.Int64).Value(0)
			digest += b.Column(1).(*array.Uint64).Value(0) // overflows on purpose: a sum does not care for order
			v.Missing += b.Column(2).(*array.Int64).Value(0)
			v.Excess += b.Column(3).(*array.Int64).Value(0)
		}
		err = r.Err()
		r.Close()
		if err != nil {
			return v, fmt.Errorf("compare %s: %w", t.Name, err)
		}
	}
	v.Digest = fmt.Sprintf("%016x", digest)
	return v, conn.Exec(ctx, "drop table if exists actual; drop table if exists difference")
}

// layout of a month's first day, as dates and timestamps in UTC both read it.
const layout = time.DateOnly

// partition is a part of a table that is compared by itself: its files, and the condition for the rows that belong there.
type partition struct {
	where string
	files []lake.File
}

// partitions are the months of the table and of the relation. A table that another engine gave another partitioning is
// one part.
func partitions(ctx context.Context, conn *duck.Conn, l *lake.Lake, t *lake.Table, s *table.Snapshot, expected, column string) ([]partition, error) {
	months, err := conn.Ints(ctx, fmt.Sprintf("select distinct %s from %s order by 1", lake.MonthSQL(column), expected))
	if err != nil {
		return nil, err
	}
	files, err := l.Files(ctx, t, s, lake.AllMonths)
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
		// A range, which DuckDB finds by its own bounds without looking at every row.
		where := fmt.Sprintf("%[1]s >= '%[2]s' and %[1]s < '%[3]s'", column, first.Format(layout), first.AddDate(0, 1, 0).Format(layout))
		parts = append(parts, partition{where, byMonth[m]})
	}
	return parts, nil
}

func columnList(schema *iceberg.Schema) string {
	var names []string
	for _, f := range schema.Fields() {
		names = append(names, duck.Identifier(f.Name))
	}
	return strings.Join(names, ", ")
}

func insertFiles(ctx context.Context, conn *duck.Conn, l *lake.Lake, t *lake.Table, s *table.Snapshot, files []lake.File) error {
	if len(files) == 0 {
		return nil
	}
	_, batches, err := l.Read(ctx, t, s, files...)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return fmt.Errorf("read %s: %w", t.Name, err)
		}
		err = conn.Insert(ctx, "actual", b.Schema(), b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
