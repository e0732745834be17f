package rows

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// fillRows is how many rows Fill takes: those of a commit that somebody waits for. A rebuild waits for silver, and what it has
// written gold reads beside it.
const fillRows = 10_000

// Query gives the rows that a commit wrote, in the columns of the table and any order.
type Query struct {
	Conn *duck.Conn // which still has what the query reads
	SQL  string
	// Column is the one by whose month the rows are partitioned; "" where all are of one month.
	Column string
}

// Fill takes the rows of files that a commit has just written from the query that gave them: to take them from the files
// would be to decode what was encoded a moment ago. The files are those that came since a snapshot of t (nil: all). Where
// the query does not give as many rows as they have, the cache stays without them, and that is an error.
func (c *Cache) Fill(ctx context.Context, t *lake.Table, since *table.Snapshot, q Query) error {
	files, _, err := c.lake.Diff(ctx, t, since, t.Snapshot())
	if err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	k := c.of(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	months, rows, ok := k.fillable(files)
	if !ok {
		return nil
	}
	if err := k.create(ctx, q.Conn, t); err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	first, last := months[0], months[len(months)-1]
	base := k.next + 1
	k.next += int64(last - first + 1) // these numbers are gone, whatever comes of it
	number := fmt.Sprint(base)
	if first != last {
		number += fmt.Sprintf(" + %s - %d", lake.MonthSQL(q.Column), first)
	}
	inserted, err := q.Conn.Ints(ctx, fmt.Sprintf("insert into %s by name select %s as %s, * from (%s)", k.name, number, FileColumn, q.SQL))
	if err == nil && inserted[0] != rows {
		err = fmt.Errorf("the query gives %d rows, the files have %d", inserted[0], rows)
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
