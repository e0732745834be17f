package rows

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// fillRows is how many rows Fill takes: those of a commit that somebody waits for. A rebuild waits for silver, and what it has
// written gold reads beside it.
const fillRows = 10_000

// Fill takes the rows of files that a commit has just written from the query that gave them, while the connection still has what
// it reads: to take them from the files would be to decode what was encoded a moment ago. The query has the columns of t, in any
// order of rows, and they are partitioned by the month of one of them. Where the query does not give as many rows as the files
// have, the cache stays without them, and that is an error.
func (c *Cache) Fill(ctx context.Context, conn *duck.Conn, t *lake.Table, files []lake.File, sql, column string) error {
	k := c.of(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	months, rows, ok := k.fillable(files)
	if !ok {
		return nil
	}
	if err := k.create(ctx, conn, c.lake, t); err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	first, last := months[0], months[len(months)-1]
	base := k.next + 1
	k.next += int64(last - first + 1) // these numbers are gone, whatever comes of it
	number := fmt.Sprint(base)
	if first != last {
		number += fmt.Sprintf(" + (year(%[1]s) - 1970) * 12 + month(%[1]s) - 1 - %[2]d", column, first)
	}
	n, err := inserted(ctx, conn, fmt.Sprintf("insert into %s by name select %s as %s, * from (%s)", k.name, number, FileColumn, sql))
	if err == nil && n != rows {
		err = fmt.Errorf("the query gives %d rows, the files have %d", n, rows)
	}
	if err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	k.clock++
	for _, f := range files {
		m, _ := f.Month()
		k.files[f.ID()] = &entry{number: base + int64(m-first), rows: f.Rows(), used: k.clock}
	}
	k.rows += rows
	return nil
}

// fillable are the months of files, in order, and their rows; ok is false where they are many, where two files are of one month,
// so that a row does not tell which one it is in, and where one is in the cache already.
func (k *cached) fillable(files []lake.File) (months []int, rows int64, ok bool) {
	for _, f := range files {
		m, known := f.Month()
		if _, held := k.files[f.ID()]; !known || held || f.Deletes() || slices.Contains(months, m) {
			return nil, 0, false
		}
		months, rows = append(months, m), rows+f.Rows()
	}
	slices.Sort(months)
	return months, rows, len(files) > 0 && rows <= fillRows
}

// inserted runs an insert and gives the number of rows that it inserted.
func inserted(ctx context.Context, conn *duck.Conn, sql string) (n int64, err error) {
	r, err := conn.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for b, err := range r.All() {
		if err != nil {
			return 0, err
		}
		for _, some := range b.Column(0).(*array.Int64).Int64Values() {
			n += some
		}
	}
	return n, nil
}
