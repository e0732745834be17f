package rows

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// fillRows bounds the rows of one Fill whose rows the next step may not read. It covers commits that somebody waits for.
const fillRows = 10_000

// Query returns the rows that a commit wrote, with the columns of the table and in any order.
type Query struct {
	Conn *duck.Conn // still has the tables that the query reads
	SQL  string
	// Column is the column whose month partitions the rows; "" if all rows are in one month.
	Column string
	// Awaited tells that the next step reads all of the rows. Then Fill takes them however many they are: to decode them from their
	// files costs ten times as much.
	Awaited bool
}

// Fill caches the rows of files that a commit has just written. It takes them from the query that made them, because decoding the
// files again would be wasteful. The files are those that came after a snapshot of t (nil: all). If the query does not return as
// many rows as the files have, Fill fails and caches nothing.
func (c *Cache) Fill(ctx context.Context, t *lake.Table, since *table.Snapshot, q Query) error {
	files, _, err := c.lake.Diff(ctx, t, since, t.Snapshot())
	if err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	k := c.of(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	months, rows, ok := k.fillable(files)
	if !ok || rows > fillRows && !q.Awaited {
		return nil
	}
	if err := k.create(ctx, q.Conn, t); err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	first, last := months[0], months[len(months)-1]
	base := k.next + 1
	k.next += int64(last - first + 1) // even a failure uses up these numbers
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

// fillable returns the months of files, sorted, and the number of their rows. ok is false if the cache has one of the files, or if two
// files have the same month: then a row's month does not tell its file.
func (k *cached) fillable(files []lake.File) (months []int, rows int64, ok bool) {
	for _, f := range files {
		m, known := f.Month()
		if _, held := k.files[f.ID()]; !known || held || f.Deletes() || slices.Contains(months, m) {
			return nil, 0, false
		}
		months, rows = append(months, m), rows+f.Rows()
	}
	slices.Sort(months)
	return months, rows, len(files) > 0
}
